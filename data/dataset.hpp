/// @file
/// Examples for supervised learning, in memory.
#pragma once

#include <concepts>
#include <utility>
#include <vector>

#include <ravine/core/random.hpp>
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

 private:
  Tensor inputs_, targets_;
};

/// Deals the examples out at random into two sets: the first gets floor(fraction * size) of them, the second the rest.
/// Both are copies. Throws std::invalid_argument unless 0 < fraction < 1.
std::pair<TensorDataset, TensorDataset> split(const TensorDataset& dataset, double fraction,
                                              Generator& generator = default_generator());

/// The same for several sets: fractions {0.7, 0.15, 0.15} cut the shuffled examples at floor(0.7 size) and
/// floor(0.85 size). Throws std::invalid_argument unless all are positive and their sum is 1.
std::vector<TensorDataset> split(const TensorDataset& dataset, const std::vector<double>& fractions,
                                 Generator& generator = default_generator());

/// As `split`, with the number of examples the first set gets. Throws std::invalid_argument unless 0 <= count <= size.
std::pair<TensorDataset, TensorDataset> split_count(const TensorDataset& dataset, Index count,
                                                    Generator& generator = default_generator());

/// `split(dataset, 100)`: an integer is a number of examples, not a fraction.
template <std::integral Count>
std::pair<TensorDataset, TensorDataset> split(const TensorDataset& dataset, Count count,
                                              Generator& generator = default_generator()) {
  return split_count(dataset, static_cast<Index>(count), generator);
}

}  // namespace ravine::data
