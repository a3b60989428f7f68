/// @file
/// Examples for supervised learning: in memory, or a user's own.
#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <utility>

#include <ravine/core/callable.hpp>
#include <ravine/core/tensor.hpp>

namespace ravine::data {

/// What a model is given and what it is to answer, each of any shape and type.
struct Example {
  Tensor input;
  Tensor target;
};

/// Inputs and targets, of any type and rank: row i of both is example i. Copies share the tensors.
class TensorDataset {
 public:
  /// Throws ShapeError unless both have the same number of rows (first dimension).
  TensorDataset(Tensor inputs, Tensor targets);

  /// Number of examples.
  Index size() const { return inputs_.size(0); }
  /// Example i, which shares memory. Throws std::out_of_range.
  Example get(Index i) const { return {inputs_[i], targets_[i]}; }
  const Tensor& inputs() const { return inputs_; }
  const Tensor& targets() const { return targets_; }

  /// The examples at these positions (i64), copied. Throws as `index_select`.
  TensorDataset take(const Tensor& positions) const;

 private:
  Tensor inputs_, targets_;
};

/// What a class of your own needs to be a dataset: a number of examples, and each by its number from 0.
template <class D>
concept HasExamples = requires(D& examples, Index i) {
  { examples.size() } -> std::convertible_to<Index>;
  { examples.get(i) } -> std::convertible_to<Example>;
};

/// Any dataset: a TensorDataset, or a class of your own with `size()` and `get(i)`. Copies share it.
class Dataset {
 public:
  Dataset(TensorDataset rows);
  Dataset(Tensor inputs, Tensor targets) : Dataset(TensorDataset(std::move(inputs), std::move(targets))) {}
  template <HasExamples D>
  Dataset(D examples)
      : size_(static_cast<Index>(examples.size())),
        get_([own = std::make_shared<D>(std::move(examples))](Index i) -> Example { return own->get(i); }) {}
  // In the source, so that programs do not compile them.
  Dataset(const Dataset&);
  Dataset(Dataset&&) noexcept;
  Dataset& operator=(const Dataset&);
  Dataset& operator=(Dataset&&) noexcept;
  ~Dataset();

  /// Number of examples, as it was when the dataset was given.
  Index size() const { return size_; }
  Example get(Index i) const { return rows_ ? rows_->get(i) : get_(i); }
  /// The TensorDataset that it is, or null.
  const TensorDataset* rows() const { return rows_ ? &*rows_ : nullptr; }

 private:
  Index size_;
  std::optional<TensorDataset> rows_;
  Callable<Example(Index)> get_;
};

/// The dataset whose example i is f(dataset.get(i)): an input scaled, words made numbers, an image moved at random.
template <std::invocable<Example> F>
Dataset transform(Dataset dataset, F f) {
  struct Transformed {
    Dataset dataset;
    F f;
    Index size() const { return dataset.size(); }
    Example get(Index i) { return f(dataset.get(i)); }
  };
  return Transformed{std::move(dataset), std::move(f)};
}

/// The dataset whose example i is dataset.get(positions[i]). Copies no example: so also parts of what lies in a mapped
/// file, or is made when it is asked for.
///   positions   (examples) i64; they may repeat
/// Throws ShapeError, DTypeError, std::out_of_range for a position that is not in [0, dataset.size()).
Dataset subset(Dataset dataset, const Tensor& positions);

}  // namespace ravine::data
