/// @file
/// Averages of the parameters over the steps of a run, which often predict better than the last step's values.
#pragma once

#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/state_dict.hpp>

namespace ravine::optim {

class Optimizer;

/// For each parameter theta the average a, theta itself at the start; an update is a <- decay a + (1 - decay) theta.
///
///     ExponentialMovingAverage average(model.parameters(), 0.999);
///     …
///     optimizer.step();
///     average.update();
///     …
///     const UseAverages use(average);  // until the end of this scope
///     evaluate(model);
///
/// Only parameters are averaged, not a module's buffers. Source: Polyak & Juditsky (1992), with weights that decay.
class ExponentialMovingAverage {
 public:
  /// Throws std::invalid_argument if decay is not in [0, 1), there are no parameters, or one is undefined or the result
  /// of an op.
  ExponentialMovingAverage(std::vector<Variable> parameters, double decay);

  /// After each step. Throws std::logic_error if a parameter has changed its shape or dtype.
  void update();

  const std::vector<Variable>& parameters() const { return parameters_; }
  /// In the order of the parameters.
  const std::vector<Tensor>& averages() const { return averages_; }

  /// A copy of the averages, "<index>.average", and "decay" (f64).
  StateDict state_dict() const;
  /// Throws std::invalid_argument, before anything changes, if names, shapes, types or the decay do not fit.
  void load_state_dict(const StateDict& state);

 private:
  friend class UseAverages;
  void check_unchanged() const;
  StateDict handles() const;

  std::vector<Variable> parameters_;
  std::vector<Tensor> averages_;
  double decay_;
};

/// While it lives, the parameters have their averages as values; then they get their own back, bit for bit, whatever
/// has happened in between.
class UseAverages {
 public:
  /// Throws std::logic_error if a parameter has changed its shape or dtype, or is in the middle of
  /// a step.
  explicit UseAverages(const ExponentialMovingAverage& average);
  /// The values to evaluate with of an optimizer that keeps such (see Optimizer::averages); with another one nothing
  /// changes. Throws as above.
  explicit UseAverages(const Optimizer& optimizer);
  ~UseAverages();
  UseAverages(const UseAverages&) = delete;
  UseAverages& operator=(const UseAverages&) = delete;

 private:
  UseAverages(std::vector<Variable> parameters, const std::vector<Tensor>& averages);

  std::vector<Variable> parameters_;
  std::vector<Tensor> saved_;
};

}  // namespace ravine::optim
