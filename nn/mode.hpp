/// @file
/// Training and evaluation of a model for as long as a scope lasts.
#pragma once

#include <utility>
#include <vector>

#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// While it lives, a model is in evaluation or, if so asked, in training; then every part of it is in whichever it was.
/// A model that is in training keeps those of its parts in evaluation that are.
///
///     const NoGrad no_grad;
///     const nn::Mode evaluation(model, nn::Mode::evaluation);
///     return nn::mse_loss(model(x), y).item();
class Mode {
 public:
  enum Kind { evaluation, training };

  Mode(Module& model, Kind kind);
  ~Mode();
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;

 private:
  void add(Module& module);

  std::vector<std::pair<Module*, bool>> before_;
};

}  // namespace ravine::nn
