#include <fcntl.h>
#include <mpi.h>  // which MPI it is
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include <ravine/core/text.hpp>
#include <ravine/dist/launcher.hpp>
#include <ravine/dist/messages.hpp>

namespace ravine::detail {
namespace {

/// The number of the socket by which MPICH's mpirun, or srun, has its ranks; OpenMPI's has none.
const char* connection_to_mpirun() {
#ifdef OPEN_MPI
  return nullptr;  // what the environment has is of another mpirun, further out
#else
  return std::getenv("PMI_FD");
#endif
}

std::atomic<int> keeper = -1;  // socket of the process that start_keeper() starts
bool in_script = false;        // has a launcher started this program
bool begun = false;            // is the World, or to be

void tell_keeper(std::string_view word) { send(keeper, word.data(), word.size(), MSG_NOSIGNAL); }

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
/// keep anybody's pipe open but the one below.
///
/// A program may also fail before its World, by a signal or another exit code than 0. So has its rank, unless it is in
/// a script that runs another program, which might begin a World, within ten seconds; or that ends by then, whose exit
/// code OpenMPI's mpirun looks at. (MPICH's does not, before MPI has begun.)
///
/// OpenMPI's mpirun, where it has started the program, ends all itself, but may lose what is written last, which goes
/// to its own pipe or terminal, and may hang when all its processes have ended: it is killed then.
void start_keeper() {
  const char* const
      shell =  // RANK PROCESS END SCRIPT CONNECTION MPIRUN, of which the last two are MPICH's and OpenMPI's
      "told= begun= stat= how= end=$2 i=0\n"
      "trap '' USR1 USR2\n"  // mpirun passes them on to the whole group
      "while read -r word; do\n"
      "  case $word in\n"
      "    ended | 0) exit ;;\n"
      "    begun) [ \"$end$5\" ] || exit; begun=1 ;;\n"
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
      "eval \"$end\"\n"
      "while [ $5 ] && [ -e /proc/$5/task/$5/children ]; do\n"
      "  [ $((i += 1)) -le 30 ] || exec kill -s KILL $5\n"
      "  sleep 1\n"
      "  { read -r stat </proc/$5/stat; } 2>/dev/null\n"
      "  case ${stat##*) } in [Tt]*) i=0 ;; esac\n"  // is stopped
      "  for child in $(cat /proc/$5/task/*/children 2>/dev/null); do [ -e /proc/$child/exe ] && i=0; done\n"
      "done\n";
  const char* const rank = rank_of_several();
  if (!rank) return;
  const char* const connection = connection_to_mpirun();
  const std::string own = text(getpid()), script = find_script(connection ? "PMI_FD" : "PMIX_NAMESPACE");
  in_script = !script.empty();
  const Launcher launcher = find_launcher();
  const bool of_another =
      entry("/proc/" + launcher.process + "/comm", "").value_or("").ends_with("ted");  // orted, prted
  const std::string mpirun =
      script.empty() && launcher.number.starts_with("OMPI_") && !of_another ? launcher.process : "";
  const std::string output = "/proc/" + mpirun + "/fd/2";
  const std::string end = connection ? "echo cmd=abort exitcode=1 >&3" : end_of(script);
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return;
  sockaddr_un name{AF_UNIX, {}};  // by which others see that this program lives: abstract, a zero before it
  text("ravine-", script, "-", own).copy(name.sun_path + 1, sizeof name.sun_path - 1);
  bind(ends[1], reinterpret_cast<const sockaddr*>(&name), sizeof name);
  const char* const words[] = {"sh",           "-c",        shell,          rank,
                               own.c_str(),    end.c_str(), script.c_str(), connection ? connection : "",
                               mpirun.c_str(), nullptr};
  const pid_t child = vfork();  // fork() would take long where there is much memory
  if (child == 0) {
    if (dup2(ends[0], 0) < 0 || (connection && dup2(std::atoi(connection), 3) < 0)) _exit(0);
    for (const int used : {0, 3}) fcntl(used, F_SETFD, 0);  // also where it was there before
    const int out = mpirun.empty() ? -1 : open(output.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat kind;
    if (out >= 0 && fstat(out, &kind) == 0 && (S_ISFIFO(kind.st_mode) || S_ISCHR(kind.st_mode)) &&
        fcntl(out, F_SETFL, O_APPEND) == 0)
      dup2(out, 2);
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
  if (begun || loaded_by != getpid()) return;
  if (keeper < 0 || in_script || (code & 255) == 0) return tell_keeper(text(code & 255, '\n'));
  std::fprintf(stderr, "dist: rank %s has died with exit code %d before its World\n", rank_of_several(), code & 255);
  let_others_speak();
}
[[maybe_unused]] const int at_start = (start_keeper(), on_exit(tell_exit, nullptr));
#endif

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
void end_in_vain(const std::stop_token& all_began, const Launcher& launcher) {
  std::mutex mutex;
  std::unique_lock lock(mutex);
  std::string what;
  int last = -1;
  for (int seconds = 1, seen = 0; what.empty(); ++seconds) {
    std::condition_variable_any().wait_for(lock, all_began, std::chrono::seconds(1), [] { return false; });
    if (all_began.stop_requested()) return;
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

void begin_to_be_watched() {
  begun = true;
  if (keeper < 0) start_keeper();
  tell_keeper("begun\n");
}

void end_to_be_watched() {
  tell_keeper("ended\n");
  close(keeper.exchange(-1));
}

void let_others_speak() {
  tell_keeper("told\n");
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
}

std::jthread watch_others() { return std::jthread(end_in_vain, find_launcher()); }

void end_with_mpirun() {
  const char* const number = connection_to_mpirun();
  pollfd connection{number ? std::atoi(number) : -1, POLLRDHUP, 0};
  if (poll(&connection, 1, 0) > 0 && (connection.revents & (POLLRDHUP | POLLHUP))) std::_Exit(1);
}

}  // namespace ravine::detail
