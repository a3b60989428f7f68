/// @file
/// Averages of the parameters over the steps of a run, which often predict better than the last step's values.
#pragma once

#include <utility>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/state_dict.hpp>

namespace ravine::optim {

class Optimizer;

/// For each parameter θ an average a, at first θ. Its base; there are two.
///
///     ExponentialMovingAverage average(model.parameters(), 0.999);
///     …
///     optimizer.step();
///     average.update();
///     …
///     const UseAverages use(average);  // until the end of this scope
///     evaluate(model);
///
/// Only parameters are averaged, not a module's buffers.
class WeightAverage {
 public:
  virtual ~WeightAverage() = default;
  WeightAverage(const WeightAverage&) = delete;
  WeightAverage& operator=(const WeightAverage&) = delete;

  /// After each step. Throws std::logic_error if a parameter has changed its shape or dtype.
  void update();

  const std::vector<Variable>& parameters() const { return parameters_; }
  /// In the order of the parameters.
  const std::vector<Tensor>& averages() const { return averages_; }

  /// A copy of the averages, "<index>.average", and what the kind of average keeps.
  StateDict state_dict() const;
  /// Throws std::invalid_argument, before anything changes, if names, shapes, types or the rest do not fit.
  void load_state_dict(const StateDict& state);

 protected:
  WeightAverage(const char* name, std::vector<Variable> parameters);

 private:
  friend class UseAverages;
  void check_unchanged() const;
  StateDict handles() const;

  /// The weights of a and of θ in the next a.
  virtual std::pair<double, double> weights() = 0;
  /// What it keeps beside the averages, under its name. Loading throws for what may not be.
  virtual std::pair<const char*, Tensor> own_state() const = 0;
  virtual void load_own(const Tensor& saved) = 0;

  const char* name_;
  std::vector<Variable> parameters_;
  std::vector<Tensor> averages_;
};

/// a ← decay a + (1 - decay) θ. The state has "decay" (f64) as well.
///
/// Source: Polyak & Juditsky (1992), with weights that decay.
class ExponentialMovingAverage final : public WeightAverage {
 public:
  /// Throws std::invalid_argument if decay is not in [0, 1), there are no parameters, or one is undefined or the result
  /// of an op.
  ExponentialMovingAverage(std::vector<Variable> parameters, double decay);

 private:
  std::pair<double, double> weights() override { return {decay_, 1.0 - decay_}; }
  std::pair<const char*, Tensor> own_state() const override;
  void load_own(const Tensor& saved) override;

  double decay_;
};

/// The mean of θ over all updates, as of stochastic weight averaging: updated once an epoch, say, when a run is far
/// along. The state has "updates" (i64) as well.
///
/// Source: Izmailov et al., Averaging weights leads to wider optima and better generalization (2018).
class StochasticWeightAverage final : public WeightAverage {
 public:
  /// Throws std::invalid_argument if there are no parameters, or one is undefined or the result of an op.
  explicit StochasticWeightAverage(std::vector<Variable> parameters);

 private:
  std::pair<double, double> weights() override;
  std::pair<const char*, Tensor> own_state() const override;
  void load_own(const Tensor& saved) override;

  Index updates_ = 0;
};

/// While it lives, the parameters have their averages as values; then they get their own back, bit for bit, whatever
/// has happened in between.
class UseAverages {
 public:
  /// Throws std::logic_error if a parameter has changed its shape or dtype, or is in the middle of
  /// a step.
  explicit UseAverages(const WeightAverage& average);
  /// The values to evaluate with of an optimizer that keeps such (see Optimizer::averages); with another one, or before
  /// its first update, nothing changes. Throws as above.
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
