/// @file
/// Training steps that end before a NaN gets into the parameters.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ravine/core/random.hpp>
#include <ravine/nn/module.hpp>
#include <ravine/optim/optimizer.hpp>

namespace ravine::train {

/// Makes training steps, and says of one that a NaN or an infinity would spoil where that comes from. `fit` has one.
///
///     train::NanGuard guard(model, adam);
///     for (const auto& [x, y] : loader) guard.step([&] { return adam.step([&] { return nn::mse_loss(model(x), y); });
///     });
///
/// The loss is looked at before its gradients are made, and these, as `on_gradients` leaves them, before the optimizer
/// uses them. It costs one fast pass over them.
class NanGuard {
 public:
  NanGuard(nn::Module& model, optim::Optimizer& optimizer);

  /// Runs f, which makes one step of the optimizer, with a closure or with `backward` and `step`, and returns a loss;
  /// returns that. Whatever f throws, running statistics and this thread's random numbers are then as before it, and
  /// so, unless its step was done by then, are parameters and optimizer.
  ///
  /// Throws AnomalyError if the loss, or a gradient that an update would use, is NaN or infinite. It names the loss or
  /// the parameter, and what is to blame: a parameter that was so before, or the op that DetectAnomaly finds when f
  /// runs again with the same random numbers (`reevaluating()` is then true), beside a frozen parameter that is so.
  double step(FunctionRef<double()> f);

  /// Throws AnomalyError that names a parameter which learns and is NaN or infinite: before one keeps a model. (From
  /// finite gradients that is a step too large for its type.)
  void check_parameters() const;

 private:
  void put_back();
  std::string culprit(FunctionRef<double()> f);

  optim::Optimizer& optimizer_;
  std::vector<std::pair<std::string, Variable>> parameters_;
  std::vector<std::pair<Variable, Tensor>> buffers_;  // as they are and as they were
  Generator random_before_;
};

}  // namespace ravine::train
