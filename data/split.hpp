/// @file
/// Parts of data: training and test sets, folds for cross-validation.
#pragma once

#include <concepts>
#include <utility>
#include <variant>
#include <vector>

#include <ravine/core/random.hpp>
#include <ravine/data/dataset.hpp>
#include <ravine/data/table.hpp>

namespace ravine::data {

/// How much of a set a part gets: a number with a point is a fraction of it, an integer is a number of examples.
class Share {
 public:
  Share(double fraction) : share_(fraction) {}
  template <std::integral Count>
  Share(Count count) : share_(static_cast<Index>(count)) {}

  /// floor(fraction * size), or the count. Throws std::invalid_argument unless 0 < fraction < 1, 0 <= count <= size.
  Index of(Index size) const;

 private:
  std::variant<double, Index> share_;
};

struct SplitOptions {
  /// (examples) of an integer type, as class indices: of each value's examples every part gets its share, give or take
  /// one, or two where there are more than two parts. `dataset.targets()` of classes, `table.codes("species")`.
  Tensor stratify = {};
};

}  // namespace ravine::data

namespace ravine::detail {

inline Index examples(const data::TensorDataset& dataset) { return dataset.size(); }
inline Index examples(const data::Table& table) { return table.rows(); }

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

/// Deals the examples of a TensorDataset, or the rows of a Table, out at random into two sets: the first gets its share
/// of them, 0.8 or 100, the second the rest. Both are copies. Throws as Share::of; DTypeError or ShapeError if
/// `stratify` is not as it must be.
template <class Set = TensorDataset>
std::pair<Set, Set> split(const Set& set, const Share& share, const SplitOptions& options,
                          Generator& generator = default_generator()) {
  const Index size = detail::examples(set);
  const auto parts = detail::split_positions({share.of(size), size}, options, generator);
  return {set.take(parts[0]), set.take(parts[1])};
}
template <class Set = TensorDataset>
std::pair<Set, Set> split(const Set& set, const Share& share, Generator& generator = default_generator()) {
  return split(set, share, SplitOptions{}, generator);
}

/// The same for several sets: fractions {0.7, 0.15, 0.15} cut the shuffled examples at floor(0.7 size) and
/// floor(0.85 size). Throws std::invalid_argument unless all are positive and their sum is 1.
template <class Set = TensorDataset>
std::vector<Set> split(const Set& set, const std::vector<double>& fractions, const SplitOptions& options,
                       Generator& generator = default_generator()) {
  std::vector<Set> sets;
  for (const auto& part :
       detail::split_positions(detail::split_ends(fractions, detail::examples(set)), options, generator))
    sets.push_back(set.take(part));
  return sets;
}
template <class Set = TensorDataset>
std::vector<Set> split(const Set& set, const std::vector<double>& fractions,
                       Generator& generator = default_generator()) {
  return split(set, fractions, SplitOptions{}, generator);
}

/// For k-fold cross-validation: deals the examples out at random into `count` parts whose sizes differ by one at most;
/// for each part, in turn, all the others together (to train with) and the part itself. Throws std::invalid_argument
/// unless 2 <= count <= size; as `split`.
template <class Set = TensorDataset>
std::vector<std::pair<Set, Set>> folds(const Set& set, Index count, const SplitOptions& options = {},
                                       Generator& generator = default_generator()) {
  std::vector<std::pair<Set, Set>> sets;
  for (const auto& [others, part] : detail::fold_positions(detail::examples(set), count, options, generator))
    sets.emplace_back(set.take(others), set.take(part));
  return sets;
}

}  // namespace ravine::data
