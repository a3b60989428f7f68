/// @file
/// Which parameters are in the middle of a step; for the library's sources, not its public headers.
#pragma once

#include <vector>

#include <ravine/autograd/variable.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// While it lives, this thread is in a step of these parameters, which may have another step inside.
class StepUnderWay {
 public:
  explicit StepUnderWay(const std::vector<Variable>& parameters);
  ~StepUnderWay();
  StepUnderWay(const StepUnderWay&) = delete;
  StepUnderWay& operator=(const StepUnderWay&) = delete;

  /// Whether one of these parameters is in a step of this thread.
  static bool of(const std::vector<Variable>& parameters);

 private:
  const std::vector<Variable>& parameters_;
  StepUnderWay* outer_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
