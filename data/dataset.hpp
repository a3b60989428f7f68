/// @file
/// Examples for supervised learning, in memory.
#pragma once

#include <ravine/core/tensor.hpp>

namespace ravine::data {

/// Inputs and targets, of any type and rank: row i of both is example i. Copies share the tensors.
class TensorDataset {
 public:
  /// Throws ShapeError unless both have the same number of rows (first dimension).
  TensorDataset(Tensor inputs, Tensor targets);

  /// Number of examples.
  Index size() const { return inputs_.size(0); }
  const Tensor& inputs() const { return inputs_; }
  const Tensor& targets() const { return targets_; }

  /// The examples at these positions (i64), copied. Throws as `index_select`.
  TensorDataset take(const Tensor& positions) const;

 private:
  Tensor inputs_, targets_;
};

}  // namespace ravine::data
