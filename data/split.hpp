/// @file
/// Parts of data: training and test sets, folds for cross-validation.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>
#include <vector>

#include <ravine/core/random.hpp>
#include <ravine/data/dataset.hpp>
#include <ravine/data/table.hpp>

namespace ravine::data {

/// How much of a set a part gets: a number with a point is a fraction of it, an integer is a number of examples.
class Share {
 public:
  Share(double fraction) : fraction_(fraction) {}
  template <std::integral Count>
  Share(Count count) : counted_(true), count_(static_cast<Index>(count)) {}

  /// floor(fraction * size), or the count. Throws std::invalid_argument unless 0 < fraction < 1, 0 <= count <= size.
  Index of(Index size) const;

 private:
  bool counted_ = false;
  Index count_ = 0;
  double fraction_ = 0.0;
};

struct SplitOptions {
  /// (examples) of an integer type, as class indices: of each value's examples every part gets its share, give or take
  /// one, or two where there are more than two parts. `dataset.targets()` of classes, `table.codes("species")`.
  Tensor stratify = {};
};

/// What a part of a set is: of the same type, and a Dataset of a class of one's own.
template <class Set>
using PartOf = std::conditional_t<std::same_as<Set, TensorDataset> || std::same_as<Set, Table>, Set, Dataset>;

}  // namespace ravine::data

namespace ravine::detail {

inline Index examples(const data::TensorDataset& dataset) { return dataset.size(); }
inline Index examples(const data::Dataset& dataset) { return dataset.size(); }
inline Index examples(const data::Table& table) { return table.rows(); }

inline data::TensorDataset part(const data::TensorDataset& dataset, const Tensor& positions) {
  return dataset.take(positions);
}
inline data::Dataset part(const data::Dataset& dataset, const Tensor& positions) {
  return data::subset(dataset, positions);
}
inline data::Table part(const data::Table& table, const Tensor& positions) { return table.take(positions); }

/// Where parts of these fractions of a set end.
std::vector<Index> split_ends(const std::vector<double>& fractions, Index size);
/// All positions in random order, dealt out: part k has as many as ends[k] - ends[k - 1].
std::vector<Tensor> split_positions(const std::vector<Index>& ends, const data::SplitOptions& options,
                                    Generator& generator);
/// For each fold the positions that are not in it, and those that are.
std::vector<std::pair<Tensor, Tensor>> fold_positions(Index size, Index count, const data::SplitOptions& options,
                                                      Generator& generator);

}  // namespace ravine::detail

namespace ravine::data {

/// Deals the examples of a dataset, or the rows of a Table, out at random into two sets: the first gets its share of
/// them, 0.8 or 100, the second the rest. Both are copies of a TensorDataset's or Table's elements, but subsets of a
/// Dataset or a class of your own: so `split(Dataset(x, y), 0.8)` copies nothing of what lies in a mapped file. Throws
/// as Share::of; DTypeError or ShapeError if `stratify` is not as it must be.
template <class Set = TensorDataset>
std::pair<PartOf<Set>, PartOf<Set>> split(const Set& set, const Share& share, const SplitOptions& options,
                                          Generator& generator = default_generator()) {
  const PartOf<Set>& whole = set;
  const Index size = detail::examples(whole);
  const auto parts = detail::split_positions({share.of(size), size}, options, generator);
  return {detail::part(whole, parts[0]), detail::part(whole, parts[1])};
}
template <class Set = TensorDataset>
auto split(const Set& set, const Share& share, Generator& generator = default_generator()) {
  return split(set, share, SplitOptions{}, generator);
}

/// The same for several sets: fractions {0.7, 0.15, 0.15} cut the shuffled examples at floor(0.7 size) and
/// floor(0.85 size). Throws std::invalid_argument unless all are positive and their sum is 1.
template <class Set = TensorDataset>
std::vector<PartOf<Set>> split(const Set& set, const std::vector<double>& fractions, const SplitOptions& options,
                               Generator& generator = default_generator()) {
  const PartOf<Set>& whole = set;
  std::vector<PartOf<Set>> sets;
  const auto ends = detail::split_ends(fractions, detail::examples(whole));
  for (const Tensor& positions : detail::split_positions(ends, options, generator))
    sets.push_back(detail::part(whole, positions));
  return sets;
}
template <class Set = TensorDataset>
auto split(const Set& set, const std::vector<double>& fractions, Generator& generator = default_generator()) {
  return split(set, fractions, SplitOptions{}, generator);
}

/// For k-fold cross-validation: deals the examples out at random into `count` parts whose sizes differ by one at most;
/// for each part, in turn, all the others together (to train with) and the part itself. Of a TensorDataset they are
/// copies, `count` times its size in all; of a Dataset subsets, as of `split`. Throws std::invalid_argument unless
/// 2 <= count <= size; as `split`.
template <class Set = TensorDataset>
std::vector<std::pair<PartOf<Set>, PartOf<Set>>> folds(const Set& set, Index count, const SplitOptions& options = {},
                                                       Generator& generator = default_generator()) {
  const PartOf<Set>& whole = set;
  std::vector<std::pair<PartOf<Set>, PartOf<Set>>> sets;
  for (const auto& [others, part] : detail::fold_positions(detail::examples(whole), count, options, generator))
    sets.emplace_back(detail::part(whole, others), detail::part(whole, part));
  return sets;
}

}  // namespace ravine::data
