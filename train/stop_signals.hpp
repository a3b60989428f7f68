/// @file
/// Signals that ask a program to end; for the library's sources, not its public headers.
#pragma once

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// While one lives, the first SIGINT or SIGTERM is noted; a second one does what it did before. One that was ignored
/// stays so. What they did before is back when the last one ends.
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
