#include <ravine/report/gnuplot.hpp>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace ravine::detail {
namespace {

[[noreturn]] void fail(const char* what, int error) { throw std::system_error(error, std::generic_category(), what); }

// A pair of connected sockets. Writing to a socket, unlike a pipe, can be told to raise no SIGPIPE.
struct Sockets {
  int ours = -1, theirs = -1;

  Sockets() {
    int both[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0) fail("no socket for gnuplot", errno);
    ours = both[0];
    theirs = fcntl(both[1], F_DUPFD_CLOEXEC, 3);  // out of the way of the standard ones
    const int error = errno;
    close(both[1]);
    if (theirs < 0) {
      close(ours);
      fail("no socket for gnuplot", error);
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

pid_t start(const Sockets& data, const Sockets& errors) {
  // -d: the picture does not depend on the user's own settings.
  char name[] = "gnuplot", defaults[] = "-d";
  char* arguments[] = {name, defaults, nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, data.theirs, 0);
  posix_spawn_file_actions_adddup2(&actions, data.theirs, 1);
  posix_spawn_file_actions_adddup2(&actions, errors.theirs, 2);
  pid_t child = 0;
  const int error = posix_spawnp(&child, name, &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail("cannot start gnuplot, which must be installed and on the PATH", error);
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

}  // namespace

std::string run_gnuplot(const std::string& script) {
  Sockets data, errors;
  const pid_t child = start(data, errors);
  data.release();
  errors.release();

  // All three streams move as gnuplot pleases: it may write before it has read everything.
  std::string output, complaint;
  std::size_t sent = 0;
  pollfd streams[] = {{data.ours, POLLIN | POLLOUT, 0}, {errors.ours, POLLIN, 0}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    if (poll(streams, 2, -1) < 0) continue;  // interrupted
    if ((streams[0].revents & POLLOUT) && !send_some(data.ours, script, sent)) {
      shutdown(data.ours, SHUT_WR);
      streams[0].events = POLLIN;
    }
    constexpr short readable = POLLIN | POLLHUP | POLLERR;
    if ((streams[0].revents & readable) && !receive_some(data.ours, output)) streams[0].fd = -1;
    if ((streams[1].revents & readable) && !receive_some(errors.ours, complaint)) streams[1].fd = -1;
  }

  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) fail("cannot wait for gnuplot", errno);
  if (status == 0 && sent == script.size()) return output;
  const std::size_t first = complaint.find_first_not_of(" \n"), last = complaint.find_last_not_of(" \n");
  throw std::runtime_error("gnuplot failed: " + (first < last ? complaint.substr(first, last + 1 - first)
                                                              : "wait status " + std::to_string(status)));
}

}  // namespace ravine::detail
