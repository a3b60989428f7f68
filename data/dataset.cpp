#include <ravine/data/dataset.hpp>

#include <cmath>

#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>

namespace ravine::data {
namespace {

// Dealt out in random order: set k gets positions [ends[k - 1], ends[k]) of it.
std::vector<TensorDataset> deal(const TensorDataset& dataset, const std::vector<Index>& ends, Generator& generator) {
  const Tensor order = permutation(dataset.size(), generator);
  std::vector<TensorDataset> parts;
  Index begin = 0;
  for (const Index end : ends) {
    const Tensor chosen = order.slice(0, begin, end);
    parts.emplace_back(index_select(dataset.inputs(), 0, chosen), index_select(dataset.targets(), 0, chosen));
    begin = end;
  }
  return parts;
}

// floor(fraction * size), also where the fraction is a rounded decimal: 0.29 of 100 is 29.
Index share(double fraction, Index size) {
  return static_cast<Index>(std::floor(fraction * static_cast<double>(size) * (1.0 + 1e-14)));
}

}  // namespace

TensorDataset::TensorDataset(Tensor inputs, Tensor targets) : inputs_(std::move(inputs)), targets_(std::move(targets)) {
  if (inputs_.rank() == 0 || targets_.rank() == 0 || inputs_.size(0) != targets_.size(0))
    throw ShapeError(detail::text("TensorDataset: inputs ", inputs_.shape(), " and targets ", targets_.shape(),
                                  " need the same number of rows"));
}

std::pair<TensorDataset, TensorDataset> split_count(const TensorDataset& dataset, Index count, Generator& generator) {
  if (count < 0 || count > dataset.size())
    throw std::invalid_argument(
        detail::text("split: asked for ", count, " examples of a dataset that has ", dataset.size()));
  auto parts = deal(dataset, {count, dataset.size()}, generator);
  return {std::move(parts[0]), std::move(parts[1])};
}

std::pair<TensorDataset, TensorDataset> split(const TensorDataset& dataset, double fraction, Generator& generator) {
  if (!(fraction > 0.0 && fraction < 1.0))
    throw std::invalid_argument(detail::text("split: a fraction must lie between 0 and 1, got ", fraction));
  return split_count(dataset, share(fraction, dataset.size()), generator);
}

std::vector<TensorDataset> split(const TensorDataset& dataset, const std::vector<double>& fractions,
                                 Generator& generator) {
  double sum = 0.0;
  std::vector<Index> ends;
  for (const double fraction : fractions) {
    if (!(fraction > 0.0)) throw std::invalid_argument(detail::text("split: fractions must be > 0, got ", fraction));
    sum += fraction;
    ends.push_back(share(sum, dataset.size()));
  }
  if (!(std::abs(sum - 1.0) < 1e-9))
    throw std::invalid_argument(detail::text("split: fractions must add up to 1, got a sum of ", sum));
  ends.back() = dataset.size();
  return deal(dataset, ends, generator);
}

}  // namespace ravine::data
