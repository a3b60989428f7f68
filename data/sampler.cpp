#include <ravine/data/sampler.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <vector>

#include <ravine/core/text.hpp>

namespace ravine::data {
namespace {

using detail::text;

void check_vector(const char* op, const Tensor& x) {
  if (x.rank() != 1) throw ShapeError(text(op, ": needs (examples), got ", x.shape()));
}

/// The classes of all examples, numbered from 0, and how many of each there are.
struct Classes {
  std::vector<std::size_t> of_example;
  std::vector<Index> sizes;
};

Classes count(const std::vector<Index>& names) {
  std::vector<Index> known = names;
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  Classes classes{{}, std::vector<Index>(known.size())};
  for (const Index name : names) {
    const auto found = std::lower_bound(known.begin(), known.end(), name);
    classes.of_example.push_back(static_cast<std::size_t>(found - known.begin()));
    ++classes.sizes[classes.of_example.back()];
  }
  return classes;
}

// A class's examples, in random order, stand at equal distances from 0 to 1, the first one anywhere in its distance.
void draw_stratified(const Classes& classes, std::span<Index> order, Generator& generator) {
  std::vector<double> next;
  for (std::size_t c = 0; c < classes.sizes.size(); ++c) next.push_back(generator.next_uniform());
  std::vector<std::pair<double, Index>> places;
  for (const Index i : permutation(static_cast<Index>(order.size()), generator).to_vector<Index>()) {
    const std::size_t c = classes.of_example[static_cast<std::size_t>(i)];
    places.emplace_back(next[c]++ / static_cast<double>(classes.sizes[c]), i);
  }
  std::sort(places.begin(), places.end());
  std::transform(places.begin(), places.end(), order.begin(), [](const auto& place) { return place.second; });
}

}  // namespace

Sampler weighted_sampler(const Tensor& weights, Index size) {
  check_vector("weighted_sampler", weights);
  if (size < 1) throw std::invalid_argument(text("weighted_sampler: size must be >= 1, got ", size));
  auto sums = std::make_shared<std::vector<double>>(weights.to_vector<double>());
  for (const double weight : *sums)
    if (!(weight >= 0.0)) throw std::invalid_argument(text("weighted_sampler: weights must be >= 0, got ", weight));
  std::partial_sum(sums->begin(), sums->end(), sums->begin());
  const double total = sums->empty() ? 0.0 : sums->back();
  if (!(total > 0.0 && std::isfinite(total)))
    throw std::invalid_argument(text("weighted_sampler: the weights' sum must be > 0 and finite, got ", total));
  return {size,
          [sums, total](std::span<Index> order, Generator& generator) {
            for (Index& i : order)
              i = std::upper_bound(sums->begin(), sums->end(), generator.next_uniform() * total) - sums->begin();
          },
          weights.size(0)};
}

Sampler stratified_sampler(const Tensor& classes) {
  check_vector("stratified_sampler", classes);
  if (is_floating(classes.dtype()))
    throw DTypeError(text("stratified_sampler: needs classes of an integer type, got ", classes.dtype()));
  const auto counted = std::make_shared<const Classes>(count(classes.to_vector<Index>()));
  return {classes.size(0),
          [counted](std::span<Index> order, Generator& generator) { draw_stratified(*counted, order, generator); },
          classes.size(0)};
}

}  // namespace ravine::data
