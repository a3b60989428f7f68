#include <fcntl.h>
#include <mpi.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <ravine/core/text.hpp>
#include <ravine/dist/messages.hpp>

namespace ravine::detail {
namespace {

MPI_Comm communicators[2] = {MPI_COMM_WORLD, MPI_COMM_NULL};
const MPI_Datatype word = MPI_UINT32_T;

/// Held by the thread that calls MPI, which is to be one at a time; a signal's handler may call exit() meanwhile.
std::recursive_mutex one_at_a_time;
std::atomic<int> wanting = 0;  // threads that wait for it

struct Turn {
  Turn() {
    ++wanting;
    one_at_a_time.lock();
    --wanting;
  }
  ~Turn() { one_at_a_time.unlock(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
};

pid_t process = 0;          // that MPI knows, or is to: from the beginning of its World on
bool started_here = false;  // and not by the program

/// Whether this machine has fewer processors than ranks.
bool crowded = false;

bool is_crowded() {
  MPI_Comm here;
  int ranks = 0;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
  MPI_Comm_size(here, &ranks);
  MPI_Comm_free(&here);
  return ranks > sysconf(_SC_NPROCESSORS_ONLN);
}

/// The number of the socket by which MPICH's mpirun, or srun, has its ranks; OpenMPI's has none.
const char* connection_to_mpirun() {
#ifdef OPEN_MPI
  return nullptr;  // what the environment has is of another mpirun, further out
#else
  return std::getenv("PMI_FD");
#endif
}

/// MPICH's mpirun ends the process groups that it has started. Who is in another one, as of `timeout` in a script, sees
/// that its connection has ended.
void end_with_mpirun() {
  const char* const number = connection_to_mpirun();
  pollfd connection{number ? std::atoi(number) : -1, POLLRDHUP, 0};
  if (poll(&connection, 1, 0) > 0 && (connection.revents & (POLLRDHUP | POLLHUP))) std::_Exit(1);
}

/// Begins what gives a request, and waits for its end; in a crowd, after a moment, as one who has no processor for
/// himself. Who has one keeps it, unless he sleeps: on a busy machine it would be milliseconds until it came back. But
/// another thread gets its turn.
void finish(const std::atomic<bool>& sleeps, auto begin) {
  MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
  int done = 0;
  for (std::int64_t tests = 0; !done; ++tests) {
    {
      const Turn turn;
      if (tests == 0) begin(requests);
      MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
    }
    if (!done && tests % 1'000 == 999) end_with_mpirun();
    while (!done && wanting > 0) sched_yield();
    if (!done && sleeps)
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    else if (!done && crowded && tests > 200)
      sched_yield();
  }
}

std::vector<int> places(std::span<const int> words) {
  std::vector<int> result;
  int sum = 0;
  for (const int count : words) {
    result.push_back(sum);
    sum += count;
  }
  return result;
}

/// Those of words for others.
std::int64_t bytes(std::span<const int> words, int own) {
  return 4 * (std::accumulate(words.begin(), words.end(), std::int64_t{0}) - words[static_cast<std::size_t>(own)]);
}

bool is_open() {
  int finalized = 0;
  MPI_Finalized(&finalized);
  return !finalized && process == getpid();
}

std::atomic<int> keeper = -1;  // socket of the process that start_keeper() starts
bool in_script = false;        // has a launcher started this program

void tell_keeper(std::string_view word) { send(keeper, word.data(), word.size(), MSG_NOSIGNAL); }

/// From then on it is no matter of the keeper's how this rank ends.
void dismiss_keeper() {
  tell_keeper("ended\n");
  close(keeper.exchange(-1));
}

/// A program that calls exit() in the midst of it all leaves nobody waiting.
void leave_nobody_waiting() {
  if (process != getpid()) return;
  const Turn turn;
  if (!is_open()) return dismiss_keeper();
  if (!started_here) return;
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::fprintf(stderr, "dist: rank %d: exit() before the end of its World\n", rank);
  let_others_speak();
  MPI_Abort(MPI_COMM_WORLD, 1);
}

/// What follows `name` in one of a file's lines; nothing if there is none.
std::optional<std::string> entry(const std::string& file, const std::string& name, char end = '\n') {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line, end);)
    if (line.starts_with(name)) return line.substr(name.size());
  return {};
}

std::string parent(const std::string& process) { return entry("/proc/" + process + "/status", "PPid:\t").value_or(""); }

/// The process of the script that the launcher has started and which runs this program; nothing where it has started
/// the program. All that it has started has this variable from it.
std::string find_script(const char* variable) {
  const char* const own = std::getenv(variable);
  std::string script, process = std::to_string(getppid());
  while (own && entry("/proc/" + process + "/environ", text(variable, "="), '\0') == own) {
    script = process;
    process = parent(process);
  }
  return script;
}

/// The shell command that kills this script, so that OpenMPI's mpirun, or srun, sees the end of this rank.
std::string end_of(const std::string& script) {
  if (script.empty()) return {};
  const pid_t launcher = std::atoi(parent(script).c_str()), of_launcher = launcher > 0 ? getpgid(launcher) : -1;
  std::string result = "kill -s KILL -- " + script;
  for (const pid_t group : {getpgid(std::stoi(script)), getpgrp()})  // the script's, and the rank's if it is another
    if (group > 1 && group != of_launcher) result += text(" -", group);
  return result;
}

/// The number that a launcher gave this process, if it has started others, too.
const char* rank_of_several() {
  const auto several = [](const char* count) { return std::getenv(count) && std::atoi(std::getenv(count)) > 1; };
  if (connection_to_mpirun()) return several("PMI_SIZE") ? std::getenv("PMI_RANK") : nullptr;
  return several("OMPI_COMM_WORLD_SIZE") || several("SLURM_STEP_NUM_TASKS") ? std::getenv("PMIX_RANK") : nullptr;
}

/// MPICH's mpirun does not say which rank has died, and may take _Exit(0) for a success; OpenMPI's waits for a script
/// whose program has died. A process that outlives the rank says so, unless it was told that the rank has, and ends
/// all. It dies where mpirun kills the rank, with its whole group, and has the rank's output and its connection to
/// MPICH's launcher, which so leaves all to it. Nobody's wait() sees it, nor, where the system has close_range, does it
/// keep anybody's pipe open.
///
/// A program may also fail before its World, by a signal or another exit code than 0. So has its rank, unless it is in
/// a script that runs another program, which might begin a World, within ten seconds; or that ends by then, whose exit
/// code OpenMPI's mpirun looks at. (MPICH's does not, before MPI has begun.)
void start_keeper() {
  const char* const shell =
      "told= begun= stat= how= end=$2 i=0\n"
      "trap '' USR1 USR2\n"  // mpirun passes them on to the whole group
      "while read -r word; do\n"
      "  case $word in\n"
      "    ended | 0) exit ;;\n"
      "    begun) [ \"$end\" ] || exit; begun=1 ;;\n"
      "    told) told=1 ;;\n"
      "    *) how=\" with exit code $word\" ;;\n"
      "  esac\n"
      "done\n"
      "{ read -r stat </proc/$1/stat; } 2>/dev/null\n"
      "s=${stat##* }\n"
      "[ \"$s\" ] && how=\" with exit code $((s >> 8))\" && [ $((s & 127)) != 0 ] && how=\" of signal $((s & 127))\"\n"
      "[ $begun ] || [ \"$s\" != 0 ] || exit\n"
      "if [ ! $begun ] && [ $3 ]; then\n"
      "  [ -e /proc/$3/exe ] && command exec >/dev/null 2>>/proc/$3/fd/2\n"  // the script may wait for the end of what
                                                                             // the program writes
      "  until [ $((i += 1)) -gt 50 ]; do\n"
      "    sleep .2\n"
      "    grep -qs \"@ravine-$3-\" /proc/net/unix && exit\n"
      "    [ -e /proc/$3/exe ] || { [ $4 ] || end=; break; }\n"
      "  done\n"
      "fi\n"
      "[ $told ] || echo \"dist: rank $0 has died$how before ${begun:+the end of }its World\" >&2\n"
      "[ $told ] || sleep 1\n"  // until that is passed on
      "eval \"$end\"\n";
  const char* const rank = rank_of_several();
  if (!rank) return;
  const char* const connection = connection_to_mpirun();
  const std::string own = text(getpid()), script = find_script(connection ? "PMI_FD" : "PMIX_NAMESPACE");
  in_script = !script.empty();
  const std::string end = connection ? "echo cmd=abort exitcode=1 >&3" : end_of(script);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  sockaddr_un name{AF_UNIX, {}};  // by which others see that this program lives: abstract, a zero before it
  text("ravine-", script, "-", own).copy(name.sun_path + 1, sizeof name.sun_path - 1);
  bind(ends[1], reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const char* const words[] = {"sh", "-c", shell, rank, own.c_str(), end.c_str(), script.c_str(), connection, nullptr};
  const pid_t child = vfork();  // fork() would take long where there is much memory
  if (child == 0) {
    if (dup2(ends[0], 0) < 0 || (connection && dup2(std::atoi(connection), 3) < 0)) _exit(0);
    for (const int used : {0, 3}) fcntl(used, F_SETFD, 0);  // also where it was there before
#ifdef SYS_close_range
    syscall(SYS_close_range, connection ? 4 : 3, ~0U, 0);
#endif
    posix_spawn(nullptr, "/bin/sh", nullptr, nullptr, const_cast<char* const*>(words), environ);
    _exit(0);
  }
  while (child > 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR) continue;
  close(ends[0]);
  keeper = ends[1];
  pthread_atfork(nullptr, nullptr, [] { close(keeper.exchange(-1)); });
}

#ifdef __GLIBC__  // only there a program hears of its exit code, and /proc may no longer have it: its script was faster
const pid_t loaded_by = getpid();
void tell_exit(int code, void*) {
  if (process != 0 || loaded_by != getpid()) return;
  if (keeper < 0 || in_script || (code & 255) == 0) return tell_keeper(text(code & 255, '\n'));
  std::fprintf(stderr, "dist: rank %s has died with exit code %d before its World\n", rank_of_several(), code & 255);
  let_others_speak();
}
[[maybe_unused]] const int at_start = (start_keeper(), on_exit(tell_exit, nullptr));
#endif

/// The process that has started this machine's ranks; no ranks if it is not known.
struct Launcher {
  std::string process = {}, number = {};  // "NAME=" of a rank's place among them, in the environment of what it starts
  int ranks = 0;
};

Launcher find_launcher() {
  const auto count = [](const char* name) { return std::getenv(name) ? std::atoi(std::getenv(name)) : 0; };
  const char* const tasks = std::getenv("SLURM_GTIDS");  // those of this machine: "0,1,2"
  struct Kind {
    std::set<std::string> names;
    const char* number;
    int ranks;
  };
  const Kind kinds[] = {
      {{"hydra_pmi_proxy"}, "MPI_LOCALRANKID=", count("MPI_LOCALNRANKS")},
      {{"mpirun", "mpiexec", "orterun", "orted", "prterun", "prted"},
       "OMPI_COMM_WORLD_LOCAL_RANK=",
       count("OMPI_COMM_WORLD_LOCAL_SIZE")},
      {{"slurmstepd"}, "SLURM_LOCALID=", tasks ? 1 + static_cast<int>(std::ranges::count(std::string(tasks), ',')) : 0},
  };
  std::string process = std::to_string(getppid());
  for (; !process.empty(); process = parent(process)) {
    std::string name = entry("/proc/" + process + "/comm", "").value_or("");
    name.resize(std::min(name.size(), name.find('.')));
    const auto kind = std::ranges::find_if(kinds, [&](const Kind& k) { return k.names.contains(name); });
    if (kind == std::end(kinds)) continue;
    if (entry("/proc/" + process + "/environ", kind->number, '\0')) break;  // it is a rank, or in one
    return {process, kind->number, kind->ranks};
  }
  return {};
}

/// A rank, by its place on this machine, whose process is over; -1 if there is none, or /proc does not tell. Where a
/// script runs the program, it is the script that counts.
int rank_that_ended(const Launcher& launcher) try {
  std::set<std::string> living;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + launcher.process + "/task")) {
    std::ifstream children(thread.path() / "children");
    for (std::string child; children >> child;) {
      const auto state = entry("/proc/" + child + "/status", "State:\t");
      if (!state || state->starts_with('Z') || state->starts_with('X')) continue;
      const auto rank = entry("/proc/" + child + "/environ", launcher.number, '\0');
      if (!rank) return -1;  // some container, or connection to another machine
      living.insert(*rank);
    }
  }
  for (int i = 0; i < launcher.ranks && !living.empty(); ++i)
    if (!living.contains(std::to_string(i))) return i;
  return -1;
} catch (const std::exception&) {
  return -1;
}

/// Launchers leave others waiting, in MPI's start, for a rank that has ended before: who waits in vain ends.
void end_in_vain(const std::stop_token& begun, const Launcher& launcher) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::string what;
  int last = -1;
  for (int seconds = 1, seen = 0; what.empty(); ++seconds) {
    std::condition_variable_any().wait_for(lock, begun, std::chrono::seconds(1), [] { return false; });
    if (begun.stop_requested()) return;
    end_with_mpirun();
    const int rank = launcher.ranks > 0 ? rank_that_ended(launcher) : -1;
    seen = rank >= 0 && rank == last ? seen + 1 : 0;  // a launcher may not have started all yet
    last = rank;
    if (seen == 2) what = text("rank ", rank, " of this machine has ended before its World");
    if (seconds == longest_start) what = text("not all ranks have begun their World within ", seconds, " s");
  }
  std::fprintf(stderr, "dist: %s\n", what.c_str());
  let_others_speak();
  std::_Exit(1);
}

}  // namespace

void let_others_speak() {
  tell_keeper("told\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
}

Messages::Messages(int& argc, char**& argv) {
  int started = 0, threads = 0;
  if (keeper < 0) start_keeper();
  tell_keeper("begun\n");
  process = getpid();
  MPI_Initialized(&started);
  started_here = !started;
  if (started_here) {
    const std::jthread watch(end_in_vain, find_launcher());
    MPI_Init_thread(&argc, &argv, MPI_THREAD_SERIALIZED, &threads);
  }
  std::atexit(leave_nobody_waiting);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
  crowded = is_crowded();
  if (size_ == 1) dismiss_keeper();
}

Messages::~Messages() {
  if (open() && number_ > 0)
    MPI_Comm_free(&communicators[number_]);
  else if (open() && started_here)
    MPI_Finalize();
  if (number_ == 0) dismiss_keeper();
}

std::unique_ptr<Messages> Messages::duplicate() const {
  std::unique_ptr<Messages> result(new Messages);
  result->rank_ = rank_;
  result->size_ = size_;
  result->number_ = 1;
  MPI_Comm_dup(communicators[0], &communicators[1]);
  return result;
}

bool Messages::from_threads() const {
  int threads = 0;
  MPI_Query_thread(&threads);
  return threads >= (started_here ? MPI_THREAD_SERIALIZED : MPI_THREAD_MULTIPLE);
}

bool Messages::open() const { return is_open(); }

void Messages::all_gather(const void* mine, void* all, std::span<const int> words) {
  const std::vector<int> at = places(words);
  finish(sleeps_, [&](MPI_Request* request) {
    MPI_Iallgatherv(mine, words[static_cast<std::size_t>(rank_)], word, all, words.data(), at.data(), word,
                    communicators[number_], request);
  });
  sent_ += std::int64_t{4} * words[static_cast<std::size_t>(rank_)] * (size_ - 1);
}

void Messages::all_to_all(const void* out, std::span<const int> out_words, void* in, std::span<const int> in_words) {
  const std::vector<int> out_at = places(out_words), in_at = places(in_words);
  finish(sleeps_, [&](MPI_Request* request) {
    MPI_Ialltoallv(out, out_words.data(), out_at.data(), word, in, in_words.data(), in_at.data(), word,
                   communicators[number_], request);
  });
  sent_ += bytes(out_words, rank_);
}

void Messages::swap(int partner, const void* out, int out_words, void* in, int in_words) {
  finish(sleeps_, [&](MPI_Request* requests) {
    if (in_words > 0) MPI_Irecv(in, in_words, word, partner, 0, communicators[number_], &requests[0]);
    if (out_words > 0) MPI_Isend(out, out_words, word, partner, 0, communicators[number_], &requests[1]);
  });
  sent_ += std::int64_t{4} * out_words;
}

void Messages::broadcast(int from, void* data, int words) {
  finish(sleeps_, [&](MPI_Request* request) { MPI_Ibcast(data, words, word, from, communicators[number_], request); });
  if (rank_ == from) sent_ += std::int64_t{4} * words * (size_ - 1);
}

}  // namespace ravine::detail
