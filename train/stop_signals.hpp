/// @file
/// Signals that ask a program to end, for a loop that finishes its step first.
#pragma once

namespace ravine::train {

/// While one lives, the first SIGINT, SIGTERM or SIGHUP is noted; a second one does what it did before, but for SIGHUP.
/// One that was ignored stays so. What they did before is back when the last one ends.
///
///     const train::StopSignals signals;
///     while (!signals.received()) step();
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// True from the first of them on.
  static bool received();
};

}  // namespace ravine::train
