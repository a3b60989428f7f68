#include <ravine/data/split.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
Index data::Share::of(Index size) const {
  if (!counted_) {
    if (!(fraction_ > 0.0 && fraction_ < 1.0))
      throw std::invalid_argument(detail::text("split: a fraction must lie between 0 and 1, got ", fraction_));
    return detail::split_ends({fraction_, 1.0 - fraction_}, size)[0];
  }
  if (count_ < 0 || count_ > size)
    throw std::invalid_argument(detail::text("split: asked for ", count_, " examples of a set that has ", size));
  return count_;
}

namespace detail {
namespace {

using Positions = std::vector<Index>;

// All positions in random order, and each one's place in it.
struct Shuffled {
  Shuffled(Index size, Generator& generator) : order(permutation(size, generator).to_vector<Index>()) {
    place.resize(order.size());
    for (std::size_t i = 0; i < order.size(); ++i) place[static_cast<std::size_t>(order[i])] = i;
  }

  // These positions in the shuffled order.
  Tensor in_order(Positions positions) const {
    std::sort(positions.begin(), positions.end(), [this](Index a, Index b) {
      return place[static_cast<std::size_t>(a)] < place[static_cast<std::size_t>(b)];
    });
    return tensor(positions, i64);
  }

  Positions order;
  std::vector<std::size_t> place;
};

// The shuffled positions; with those of one stratum side by side if there are strata.
Positions grouped(const char* op, const Shuffled& all, const Tensor& strata) {
  Positions positions = all.order;
  if (!strata.defined()) return positions;
  const Shape expected{static_cast<Index>(positions.size())};
  if (is_floating(strata.dtype()))
    throw DTypeError(text(op, ": stratify must be of an integer type, got ", strata.dtype()));
  if (strata.shape() != expected)
    throw ShapeError(text(op, ": expected ", expected, " to stratify by, got ", strata.shape()));
  const std::vector<Index> of = strata.to_vector<Index>();
  std::stable_sort(positions.begin(), positions.end(), [&of](Index a, Index b) {
    return of[static_cast<std::size_t>(a)] < of[static_cast<std::size_t>(b)];
  });
  return positions;
}

// Takes `count` out, spread evenly: of any that are side by side their share, give or take one.
Positions take_evenly(Positions& from, Index count, Generator& generator) {
  Positions taken, left;
  const auto size = static_cast<Index>(from.size());
  Index owed = size > 0 ? generator.next_below(size) : 0;
  for (const Index position : from) {
    owed += count;
    (owed >= size ? taken : left).push_back(position);
    if (owed >= size) owed -= size;
  }
  from = std::move(left);
  return taken;
}

}  // namespace

std::vector<Index> split_ends(const std::vector<double>& fractions, Index size) {
  double sum = 0.0;
  std::vector<Index> ends;
  for (const double fraction : fractions) {
    if (!(fraction > 0.0)) throw std::invalid_argument(text("split: fractions must be > 0, got ", fraction));
    sum += fraction;
    // Also where the fraction is a rounded decimal: 0.29 of 100 is 29.
    ends.push_back(static_cast<Index>(std::floor(sum * static_cast<double>(size) * (1.0 + 1e-14))));
  }
  if (!(std::abs(sum - 1.0) < 1e-9))
    throw std::invalid_argument(text("split: fractions must add up to 1, got a sum of ", sum));
  ends.back() = size;
  return ends;
}

std::vector<Tensor> split_positions(const std::vector<Index>& ends, const data::SplitOptions& options,
                                    Generator& generator) {
  const Shuffled all(ends.back(), generator);
  const bool evenly = options.stratify.defined();
  Positions left = grouped("split", all, options.stratify);
  std::vector<Tensor> parts;
  Index begin = 0;
  for (const Index end : ends) {
    parts.push_back(evenly ? all.in_order(take_evenly(left, end - begin, generator))
                           : tensor(Positions(left.begin() + begin, left.begin() + end), i64));
    begin = end;
  }
  return parts;
}

std::vector<std::pair<Tensor, Tensor>> fold_positions(Index size, Index count, const data::SplitOptions& options,
                                                      Generator& generator) {
  if (count < 2 || count > size)
    throw std::invalid_argument(text("folds: asked for ", count, " folds of a set of ", size, " examples"));
  const Shuffled all(size, generator);
  const Positions dealt = grouped("folds", all, options.stratify);
  std::vector<std::pair<Tensor, Tensor>> result;
  for (Index fold = 0; fold < count; ++fold) {
    Positions others, part;
    for (Index i = 0; i < size; ++i) (i % count == fold ? part : others).push_back(dealt[static_cast<std::size_t>(i)]);
    result.emplace_back(all.in_order(others), all.in_order(part));
  }
  return result;
}

}  // namespace detail
}  // namespace ravine
