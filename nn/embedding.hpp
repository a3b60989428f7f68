/// @file
/// The layer for categories: a trained vector for each.
#pragma once

#include <ravine/core/random.hpp>
#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// Rows of `weight` at given positions: (…), i64, to (…, dim). Positions that repeat add up in the gradient. Throws
/// DTypeError for other types, std::out_of_range for a position that is not in [0, num).
class Embedding final : public Module {
 public:
  /// Weights start standard normal, as PyTorch's. Throws std::invalid_argument for a negative size.
  Embedding(Index num, Index dim, Generator& generator = default_generator());

  Variable forward(const Variable& x) override;
  std::string describe() const override;

  const Variable weight;  ///< (num, dim)
};

}  // namespace ravine::nn
