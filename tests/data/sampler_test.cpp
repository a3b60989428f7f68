// Samplers, and datasets of a user's own.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/data/loader.hpp>

using namespace ravine;
using data::Batch;
using data::DataLoader;
using data::Example;
using data::TensorDataset;
using doctest::Contains;
using Indices = std::vector<Index>;

namespace {

Indices draw(const data::Sampler& sampler, std::uint64_t seed) {
  Indices order(static_cast<std::size_t>(sampler.size));
  Generator generator(seed);
  sampler.draw(order, generator);
  return order;
}

Indices run(DataLoader& loader) {
  Indices seen;
  for (const Batch& batch : loader)
    for (const Index target : batch.targets.to_vector<Index>()) seen.push_back(target);
  return seen;
}

/// Squares, made when they are asked for; a move-only class whose functions change it.
struct Squares {
  std::unique_ptr<Index> count = std::make_unique<Index>(10);
  std::size_t size() { return static_cast<std::size_t>(*count); }
  Example get(std::size_t i) {
    const auto x = static_cast<double>(i);
    return {tensor({x, 1.0}), tensor({x * x})};
  }
};

}  // namespace

TEST_CASE("a weighted sampler draws examples in proportion to their weights") {
  const data::Sampler sampler = data::weighted_sampler(tensor({1.0, 0.0, 3.0, 4.0}), 80000);
  CHECK(sampler.size == 80000);
  std::map<Index, int> counts;
  for (const Index i : draw(sampler, 3)) ++counts[i];
  CHECK(counts.size() == 3);
  CHECK(std::abs(counts[0] - 10000) < 5 * 94);  // standard deviations sqrt(n p (1 - p))
  CHECK(std::abs(counts[2] - 30000) < 5 * 137);
  CHECK(std::abs(counts[3] - 40000) < 5 * 142);
  CHECK(draw(sampler, 3) == draw(sampler, 3));
  CHECK(draw(sampler, 3) != draw(sampler, 4));
  CHECK(draw(data::weighted_sampler(tensor({0, 0, 7}, {3}, i64), 5), 1) == Indices(5, 2));
}

TEST_CASE("a stratified sampler gives each batch its share of every class") {
  Generator generator(8);
  for (const Indices& sizes : {Indices{90, 10}, Indices{33, 33, 34}, Indices{1, 2, 197}, Indices(20, 5)}) {
    Indices names;
    for (std::size_t c = 0; c < sizes.size(); ++c)
      for (Index k = 0; k < sizes[c]; ++k) names.push_back(static_cast<Index>(c * 1000) - 7);
    const auto n = static_cast<Index>(names.size());
    Indices classes;
    for (const Index i : permutation(n, generator).to_vector<Index>())
      classes.push_back(names[static_cast<std::size_t>(i)]);
    const Tensor labels = tensor(classes, {n}, i64);
    const data::Sampler sampler = data::stratified_sampler(labels);
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const Indices order = draw(sampler, seed);
      Indices sorted = order;
      std::sort(sorted.begin(), sorted.end());
      CHECK(sorted == arange(n, i64).to_vector<Index>());
      CHECK(order != sorted);
      const double batch = 10.0;
      for (std::size_t begin = 0; begin + 10 <= order.size(); begin += 10)
        for (std::size_t c = 0; c < sizes.size(); ++c) {
          const double share = static_cast<double>(sizes[c]) / static_cast<double>(n);
          const auto count = std::count_if(&order[begin], &order[begin] + 10, [&](Index i) {
            return classes[static_cast<std::size_t>(i)] == static_cast<Index>(c * 1000) - 7;
          });
          CHECK(std::abs(static_cast<double>(count) - batch * share) < 1 + share * static_cast<double>(sizes.size()));
        }
    }
    CHECK(draw(sampler, 1) != draw(sampler, 2));
  }
}

TEST_CASE("samplers refuse what they cannot draw from") {
  using data::stratified_sampler, data::weighted_sampler;
  CHECK_THROWS_WITH_AS(weighted_sampler(ones({2, 2}), 3), "weighted_sampler: needs (examples), got (2, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(weighted_sampler(tensor({1.0, -2.0}), 3), "weighted_sampler: weights must be >= 0, got -2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(weighted_sampler(tensor({1.0, NAN}), 3), Contains("weights must be >= 0, got nan"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(weighted_sampler(tensor({1.0, INFINITY}), 3), Contains("sum must be > 0 and finite, got inf"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(weighted_sampler(zeros({3}), 3), Contains("sum must be > 0 and finite, got 0"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(weighted_sampler(zeros({0}), 3), Contains("got 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(weighted_sampler(ones({3}), 0), "weighted_sampler: size must be >= 1, got 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(stratified_sampler(arange(4, i64).reshape({4, 1})),
                       "stratified_sampler: needs (examples), got (4, 1)", ShapeError);
  CHECK_THROWS_WITH_AS(stratified_sampler(ones({4})), "stratified_sampler: needs classes of an integer type, got f32",
                       DTypeError);
}

TEST_CASE("a loader follows a sampler, which decides how long an epoch is") {
  const TensorDataset rows(zeros({6, 2}), arange(6, i64));
  data::Sampler backwards{4, [](std::span<Index> order, Generator&) {
                            for (std::size_t k = 0; k < order.size(); ++k) order[k] = 5 - static_cast<Index>(k);
                          }};
  for (const Index prefetch : {0, 2}) {
    DataLoader loader(rows, {.batch_size = 3, .prefetch = prefetch, .sampler = backwards});
    CHECK(loader.size() == 2);
    CHECK(run(loader) == Indices{5, 4, 3, 2});
  }
  DataLoader weighted(rows, {.batch_size = 4, .seed = 1, .sampler = data::weighted_sampler(ones({6}), 12)});
  const Indices one = run(weighted), two = run(weighted);
  CHECK(one.size() == 12);
  CHECK(one != two);
  const StateDict after_one = [&] {
    DataLoader other(rows, {.batch_size = 4, .seed = 1, .sampler = data::weighted_sampler(ones({6}), 12)});
    run(other);
    return other.state_dict();
  }();
  DataLoader resumed(rows, {.batch_size = 4, .seed = 7, .sampler = data::weighted_sampler(ones({6}), 12)});
  resumed.load_state_dict(after_one);
  CHECK(run(resumed) == two);
}

TEST_CASE("a sampler that a loader cannot follow is refused") {
  const TensorDataset rows(zeros({6, 2}), arange(6, i64));
  const auto all = [](Index i) {
    return data::Sampler{2, [i](std::span<Index> order, Generator&) { std::fill(order.begin(), order.end(), i); }};
  };
  for (const Index wrong : {-1, 6}) {
    DataLoader loader(rows, {.sampler = all(wrong)});
    CHECK_THROWS_WITH_AS(loader.begin(), Contains("DataLoader: the sampler drew example"), std::out_of_range);
  }
  CHECK_THROWS_WITH_AS(DataLoader(rows, {.shuffle = true, .sampler = all(0)}),
                       "DataLoader: either shuffle or a sampler decides on the order", std::invalid_argument);
  CHECK_THROWS_WITH_AS(DataLoader(rows, {.sampler = {0, [](std::span<Index>, Generator&) {}}}),
                       "DataLoader: an epoch of the sampler is empty", std::invalid_argument);
  CHECK_THROWS_WITH_AS(DataLoader(rows, {.batch_size = 3, .drop_last = true, .sampler = all(0)}),
                       "DataLoader: drop_last leaves no batch of 3 from a dataset of 2", std::invalid_argument);
  for (const Index n : {4, 10}) {
    CAPTURE(n);
    const std::string message =
        "DataLoader: the sampler is for a dataset of " + std::to_string(n) + " examples, this one has 6";
    CHECK_THROWS_WITH_AS(DataLoader(rows, {.sampler = data::stratified_sampler(zeros({n}, i64))}), message.c_str(),
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(DataLoader(rows, {.sampler = data::weighted_sampler(ones({n}), 6)}), message.c_str(),
                         std::invalid_argument);
  }
}

TEST_CASE("a dataset of one's own: examples are put together to batches") {
  DataLoader loader(Squares(), {.batch_size = 4});
  CHECK(loader.size() == 3);
  CHECK(loader.dataset().size() == 10);
  CHECK(loader.dataset().rows() == nullptr);
  std::vector<Shape> shapes;
  for (const auto& [x, y] : loader) {
    CHECK(bitwise_equal(square(x.slice(1, 0, 1)), y));
    shapes.push_back(x.shape());
  }
  CHECK(shapes == std::vector<Shape>{{4, 2}, {4, 2}, {2, 2}});
}

TEST_CASE("an empty dataset of one's own, and one whose examples differ, are refused") {
  Squares empty;
  *empty.count = 0;
  CHECK_THROWS_WITH_AS(DataLoader(std::move(empty)), "DataLoader: the dataset is empty", std::invalid_argument);
  struct Ragged {
    Index size() const { return 6; }
    Example get(Index i) const { return {zeros({i < 2 ? 2 : 3}), zeros({}, i < 4 ? f32 : f64)}; }
  };
  DataLoader loader(Ragged(), {.batch_size = 2});
  CHECK_NOTHROW([&] {
    for (const auto& batch : loader) static_cast<void>(batch);
  }());  // batches may differ
  DataLoader pairs(Ragged(), {.batch_size = 3});
  CHECK_THROWS_WITH_AS(pairs.begin(), "DataLoader: the input of example 2 is (3), that of others in its batch (2)",
                       ShapeError);
  DataLoader all(data::transform(Ragged(), [](Example e) { return Example{zeros({1}), e.target}; }), {.batch_size = 6});
  CHECK_THROWS_WITH_AS(all.begin(), "DataLoader: the target of example 4 is f64, that of others in its batch f32",
                       DTypeError);
}

TEST_CASE("examples without a target, and scalars") {
  struct Numbers {
    Index size() const { return 3; }
    Example get(Index i) const { return {scalar(static_cast<double>(i), f64), {}}; }
  };
  DataLoader loader(Numbers(), {.batch_size = 3});
  const auto it = loader.begin();
  CHECK(bitwise_equal(it->inputs, arange(3, f64)));
  CHECK(it->targets.shape() == Shape({3, 0}));
}

TEST_CASE("a subset is made of the examples at some positions, and is a dataset like others") {
  const TensorDataset rows(arange(12, f32).reshape({6, 2}), arange(6, i64));
  const data::Dataset chosen = data::subset(rows, tensor({4, 1, 1, 5}, {4}, i64));
  CHECK(chosen.size() == 4);
  CHECK(bitwise_equal(chosen.get(0).input, tensor({8.0, 9.0})));
  CHECK(data::subset(chosen, tensor({3, 0}, {2}, i64)).get(0).target.item<Index>() == 5);
  for (const Index prefetch : {0, 2}) {
    DataLoader loader(chosen, {.batch_size = 3, .prefetch = prefetch});
    CHECK(run(loader) == Indices{4, 1, 1, 5});
  }
  DataLoader squares(data::subset(Squares(), tensor({3, 2}, {2}, i64)), {.batch_size = 2});
  CHECK(bitwise_equal(squares.begin()->targets, tensor({9.0, 4.0}, {2, 1}, f32)));
  CHECK(data::subset(rows, zeros({0}, i64)).size() == 0);
}

TEST_CASE("a subset refuses positions that are not there") {
  const TensorDataset rows(zeros({6, 2}), arange(6, i64));
  CHECK_THROWS_WITH_AS(data::subset(rows, tensor({1, 6}, {2}, i64)), "subset: position 6 of 6", std::out_of_range);
  CHECK_THROWS_WITH_AS(data::subset(rows, tensor({-1}, {1}, i64)), "subset: position -1 of 6", std::out_of_range);
  CHECK_THROWS_WITH_AS(data::subset(rows, zeros({2, 1}, i64)), "subset: needs positions (examples), got (2, 1)",
                       ShapeError);
  CHECK_THROWS_WITH_AS(data::subset(rows, ones({2})), "subset: positions are i64, got f32", DTypeError);
  CHECK_THROWS_WITH_AS(data::subset(rows, arange(2, i64)).get(2), "subset: example 2 of 2", std::out_of_range);
}

TEST_CASE("transform changes the examples of any dataset") {
  const auto doubled = [](Example e) { return Example{e.input * 2.0, e.target}; };
  const TensorDataset rows(arange(6, f32).reshape({3, 2}), arange(3, i64));
  const data::Dataset twice = data::transform(data::transform(rows, doubled), doubled);
  CHECK(twice.size() == 3);
  CHECK(bitwise_equal(twice.get(1).input, tensor({8.0, 12.0})));
  CHECK(bitwise_equal(rows.inputs(), arange(6, f32).reshape({3, 2})));
  DataLoader loader(data::transform(Squares(), doubled), {.batch_size = 10});
  const auto it = loader.begin();
  CHECK(it->inputs.at({3, 0}) == 6.0);
  CHECK_THROWS_AS(rows.get(3), std::out_of_range);
}
