/// @file
/// Signals that ask a program to end; for the library's sources, not its public headers.
#pragma once

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// While one lives, SIGINT and SIGTERM are noted, each once: the second time it does what it does by default. One that
/// was ignored stays so. What they did before comes back with the last one's end.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// True from the first of them on.
  static bool received();
};

}  // namespace ravine::detail
#pragma GCC visibility pop
