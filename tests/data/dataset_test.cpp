#include <doctest/doctest.h>

#include <algorithm>
#include <type_traits>
#include <utility>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/data/dataset.hpp>

using namespace ravine;
using data::TensorDataset;
using doctest::Contains;

using Indices = std::vector<Index>;
using Pair = std::pair<TensorDataset, TensorDataset>;

// Example i has the input (i, -i) and the target i.
static TensorDataset counting(Index n) {
  Tensor inputs({n, 2}, f32);
  for (Index i = 0; i < n; ++i) {
    inputs.set({i, 0}, static_cast<double>(i));
    inputs.set({i, 1}, -static_cast<double>(i));
  }
  return {inputs, arange(n, i64)};
}

static Indices targets(const TensorDataset& dataset) { return dataset.targets().to_vector<Index>(); }

TEST_CASE("a dataset has a target for each input") {
  TensorDataset dataset = counting(3);
  CHECK(dataset.size() == 3);
  dataset = {zeros({5, 2, 2}, u8), zeros({5})};
  CHECK(dataset.size() == 5);
  CHECK(dataset.inputs().dtype() == u8);
  CHECK_THROWS_WITH_AS(TensorDataset(zeros({3, 2}), zeros({4})),
                       "TensorDataset: inputs (3, 2) and targets (4) need the same number of rows", ShapeError);
  CHECK_THROWS_AS(TensorDataset(scalar(1.0), scalar(1.0)), ShapeError);
}

TEST_CASE("split deals every example out once, inputs with their targets") {
  Generator generator(3);
  const auto [first, second] = data::split(counting(50), 0.8, generator);
  CHECK(first.size() == 40);
  CHECK(second.size() == 10);
  Indices all = targets(first);
  const Indices rest = targets(second);
  CHECK_FALSE(std::is_sorted(all.begin(), all.end()));
  for (Index i = 0; i < 40; ++i)
    CHECK(first.inputs().at({i, 1}) == -static_cast<double>(all[static_cast<std::size_t>(i)]));
  all.insert(all.end(), rest.begin(), rest.end());
  std::sort(all.begin(), all.end());
  CHECK(all == targets(counting(50)));
}

TEST_CASE("split depends on the generator alone") {
  Generator a(1), b(1), c(2);
  const auto dealt = targets(data::split(counting(50), 25, a).first);
  CHECK(dealt == targets(data::split(counting(50), 25, b).first));
  CHECK(dealt != targets(data::split(counting(50), 25, c).first));
  CHECK(dealt != targets(data::split(counting(50), 25, a).first));  // the stream has moved on

  manual_seed(7);
  const auto by_default = targets(data::split(counting(50), 0.5).first);
  manual_seed(7);
  CHECK(by_default == targets(data::split(counting(50), 0.5).first));
}

TEST_CASE("fractions are floored, integers of any type are counts") {
  CHECK(data::split(counting(392), 0.8).first.size() == 313);
  CHECK(data::split(counting(100), 0.29).first.size() == 29);  // 0.29 * 100 is less than 29 in binary
  CHECK(data::split(counting(10), 0.5f).first.size() == 5);
  CHECK(data::split(counting(10), 1).first.size() == 1);
  CHECK(data::split(counting(10), Index{3}).second.size() == 7);
  CHECK(data::split(counting(10), std::size_t{10}).second.size() == 0);
  static_assert(std::is_same_v<decltype(data::split(counting(1), 1)), Pair>);
}

TEST_CASE("split into several") {
  const auto parts = data::split(counting(392), {0.7, 0.15, 0.15});
  REQUIRE(parts.size() == 3);
  CHECK(parts[0].size() == 274);
  CHECK(parts[1].size() == 59);
  CHECK(parts[2].size() == 59);
  Indices all;
  for (const auto& part : parts)
    for (const Index target : targets(part)) all.push_back(target);
  std::sort(all.begin(), all.end());
  CHECK(all == targets(counting(392)));
}

TEST_CASE("split refuses what makes no sense, and says what it got") {
  const auto ten = counting(10);
  CHECK_THROWS_WITH_AS(data::split(ten, 1.5), "split: a fraction must lie between 0 and 1, got 1.5",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, 0.0), Contains("got 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, 11), "split: asked for 11 examples of a dataset that has 10",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, -1), Contains("-1"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, {0.7, 0.7}), "split: fractions must add up to 1, got a sum of 1.4",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, {0.5, 0.7, -0.2}), "split: fractions must be > 0, got -0.2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::split(ten, std::vector<double>{}), Contains("got a sum of 0"), std::invalid_argument);
}
