/// @file
/// What a training makes small, and what is measured beside it.
#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/callable.hpp>

namespace ravine::train {

/// A loss: any callable (prediction, target) -> Variable of one element. One of `nn` is passed by its name, and with
/// options in braces:
///
///     fit(model, adam, nn::mse_loss, loader, …);
///     fit(model, adam, {nn::huber_loss, {.delta = 0.5}}, loader, …);
///     fit(model, adam, [&](const Variable& y, const Tensor& t) { return nn::l1_loss(y, t) + penalty(); }, loader, …);
class Loss {
 public:
  template <class F>
  requires(std::is_invocable_r_v<Variable, F&, const Variable&, const Tensor&> && !std::is_same_v<F, Loss>) Loss(F f)
      : f_(std::move(f)) {}
  template <class Target, class Options>
  Loss(Variable (*f)(const Variable&, const Target&, const Options&), const std::type_identity_t<Options>& options = {})
      : f_([f, options](const Variable& prediction, const Tensor& target) { return f(prediction, target, options); }) {}

  Variable operator()(const Variable& prediction, const Tensor& target) const { return f_(prediction, target); }

 private:
  Callable<Variable(const Variable&, const Tensor&)> f_;
};

/// A number that says how good predictions are: `nn::accuracy`, any callable (prediction, target) -> double, or a loss.
class Measure {
 public:
  template <class F>
  requires std::is_invocable_r_v<double, F&, const Variable&, const Tensor&> Measure(F f) : f_(std::move(f)) {}
  template <class F>
  requires(std::is_constructible_v<Loss, F> && !std::is_same_v<F, Measure>) Measure(F f)
      : f_([loss = Loss(std::move(f))](const Variable& y, const Tensor& t) { return loss(y, t).item(); }) {}

  double operator()(const Variable& prediction, const Tensor& target) const { return f_(prediction, target); }

 private:
  Callable<double(const Variable&, const Tensor&)> f_;
};

/// A measure and the name it has in the history.
struct Metric {
  std::string name;
  Measure measure;
};

}  // namespace ravine::train
