// Work in a child process.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

/// True if f, called in a child of this process, returns true. One that hangs is killed.
template <class F>
bool in_child(const F& f) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    bool result = false;
    try {
      result = f();
    } catch (...) {
    }
    _exit(result ? 0 : 1);
  }
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// The thread sanitizer cannot follow a child that starts threads.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool can_fork = false;
#else
inline constexpr bool can_fork = true;
#endif
#else
inline constexpr bool can_fork = true;
#endif
