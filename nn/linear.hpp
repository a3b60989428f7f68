/// @file
/// The fully connected layer.
#pragma once

#include <ravine/core/random.hpp>
#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// x W^T + b: x (…, in) to (…, out). Throws ShapeError for another last size of x.
class Linear final : public Module {
 public:
  /// Weights and biases start uniform in (-1 / sqrt(in), 1 / sqrt(in)), as PyTorch's. Throws std::invalid_argument for
  /// a negative size.
  Linear(Index in, Index out, bool with_bias = true, Generator& generator = default_generator());

  Variable forward(const Variable& x) override;
  std::string describe() const override;

  const Variable weight;  ///< (out, in)
  const Variable bias;    ///< (out), or undefined
};

}  // namespace ravine::nn
