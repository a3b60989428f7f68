/// @file
/// Dropout.
#pragma once

#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// In training, sets each element to 0 with probability p and scales the others by 1 / (1 - p), so that the mean stays;
/// in evaluation, does nothing. The mask comes from the thread's default generator.
/// Source: Srivastava et al.: Dropout: a simple way to prevent neural networks from overfitting (2014).
class Dropout final : public Module {
 public:
  /// Throws std::invalid_argument unless p is in [0, 1).
  explicit Dropout(double p = 0.5);

  Variable forward(const Variable& x) override;
  std::string describe() const override;

 private:
  double p_;
};

}  // namespace ravine::nn
