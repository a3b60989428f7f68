/// @file
/// Evaluating a loss more than once for the same update.
#pragma once

#include <utility>

#include <ravine/autograd/node.hpp>
#include <ravine/core/random.hpp>

namespace ravine {

/// While it lives, this thread evaluates a loss again, at other parameters: random numbers come as they did the first
/// time, and modules leave alone what an evaluation moves along, such as running statistics.
class Reevaluation {
 public:
  /// before: the default generator as it was before the first evaluation.
  explicit Reevaluation(const Generator& before)
      : after_(std::exchange(default_generator(), before)),
        outer_(std::exchange(detail::thread_state.reevaluating, true)) {}
  ~Reevaluation() {
    default_generator() = after_;
    detail::thread_state.reevaluating = outer_;
  }
  Reevaluation(const Reevaluation&) = delete;
  Reevaluation& operator=(const Reevaluation&) = delete;

 private:
  Generator after_;
  bool outer_;
};

/// True while a Reevaluation lives on this thread.
inline bool reevaluating() { return detail::thread_state.reevaluating; }

}  // namespace ravine
