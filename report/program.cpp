#include <ravine/report/program.hpp>

#include <cerrno>
#include <stdexcept>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>

extern char** environ;

namespace ravine::detail {
namespace {

[[noreturn]] void fail(const char* what, int error) { throw std::system_error(error, std::generic_category(), what); }

// A pair of connected sockets. Writing to a socket, unlike a pipe, can be told to raise no SIGPIPE.
struct Sockets {
  int ours = -1, theirs = -1;

  Sockets() {
    int both[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0)
      fail("no socket for a program that draws", errno);
    ours = both[0];
    theirs = fcntl(both[1], F_DUPFD_CLOEXEC, 3);  // out of the way of the standard ones
    const int error = errno;
    close(both[1]);
    if (theirs < 0) {
      close(ours);
      fail("no socket for a program that draws", error);
    }
  }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;
  ~Sockets() {
    close(ours);
    release();
  }
  void release() {
    if (theirs >= 0) close(theirs);
    theirs = -1;
  }
};

pid_t start(const char* program, const std::vector<const char*>& arguments, const Sockets& data,
            const Sockets& errors) {
  std::vector<char*> words = {const_cast<char*>(program)};
  for (const char* argument : arguments) words.push_back(const_cast<char*>(argument));
  words.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, data.theirs, 0);
  posix_spawn_file_actions_adddup2(&actions, data.theirs, 1);
  posix_spawn_file_actions_adddup2(&actions, errors.theirs, 2);
  pid_t child = 0;
  const int error = posix_spawnp(&child, program, &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  const char* const of = std::string_view(program) == "dot" ? " of Graphviz" : "";
  if (error != 0) fail(text("cannot start ", program, of, ", which must be installed and on the PATH").c_str(), error);
  return child;
}

bool retry(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// Sends a piece of the text; false if there is nothing more to send, or nobody to take it.
bool send_some(int socket, const std::string& text, std::size_t& sent) {
  const ssize_t count = send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count < 0) return retry(errno);
  sent += static_cast<std::size_t>(count);
  return sent < text.size();
}

// Appends what has arrived; false at the end.
bool receive_some(int socket, std::string& text) {
  char buffer[16384];
  const ssize_t count = recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && retry(errno));
}

std::string run(const char* program, const std::vector<const char*>& arguments, const std::string& input) {
  Sockets data, errors;
  const pid_t child = start(program, arguments, data, errors);
  data.release();
  errors.release();

  // All three streams move as the program pleases: it may write before it has read everything.
  std::string output, complaint;
  std::size_t sent = 0;
  pollfd streams[] = {{data.ours, POLLIN | POLLOUT, 0}, {errors.ours, POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    if (poll(streams, 2, -1) < 0) continue;  // interrupted
    if ((streams[0].revents & POLLOUT) && !send_some(data.ours, input, sent)) {
      shutdown(data.ours, SHUT_WR);
      streams[0].events = POLLIN;
    }
    constexpr short readable = POLLIN | POLLHUP | POLLERR;
    if ((streams[0].revents & readable) && !receive_some(data.ours, output)) streams[0].fd = -1;
    if ((streams[1].revents & readable) && !receive_some(errors.ours, complaint)) streams[1].fd = -1;
  }

  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail("cannot wait for a program that draws", errno);
  if (status == 0 && sent == input.size()) return output;
  const std::size_t first = complaint.find_first_not_of(" \n"), last = complaint.find_last_not_of(" \n");
  throw std::runtime_error(text(
      program, " failed: ", first < last ? complaint.substr(first, last + 1 - first) : text("wait status ", status)));
}

}  // namespace

void draw(const char* op, const std::string& path, const char* program, const std::vector<const char*>& arguments,
          const std::string& input) {
  std::string picture;
  try {
    picture = run(program, arguments, input);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(text(op, ": ", error.what()));
  }
  const std::string_view whole = picture;
  write_file(op, path, {&whole, 1});
}

void refuse_ending(const char* op, const std::string& path) {
  throw std::invalid_argument(text(op, ": the path must end in .svg, .png or .pdf, got '", path, "'"));
}

}  // namespace ravine::detail
