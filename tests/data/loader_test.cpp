#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/data/loader.hpp>

#include "../recycled.hpp"

using namespace ravine;
using data::Batch;
using data::DataLoader;
using data::TensorDataset;
using doctest::Contains;

static_assert(std::input_iterator<DataLoader::Iterator>);
static_assert(std::sentinel_for<std::default_sentinel_t, DataLoader::Iterator>);

using Indices = std::vector<Index>;

// Example i has the input ((i, i), (i, i)) and the target i.
static TensorDataset counting(Index n) {
  Tensor inputs({n, 2, 2}, f64);
  for (Index i = 0; i < n; ++i) inputs[i].fill(static_cast<double>(i));
  return {inputs, arange(n, i64)};
}

static void append(Indices& order, const Batch& batch) {
  for (const Index target : batch.targets.to_vector<Index>()) order.push_back(target);
}

// The examples of one loop, which stops after `batches` batches.
static Indices run(DataLoader& loader, Index batches = -1) {
  Indices order;
  for (const auto& batch : loader) {
    append(order, batch);
    if (--batches == 0) break;
  }
  return order;
}

static Indices sorted(Indices order) {
  std::sort(order.begin(), order.end());
  return order;
}

static Indices joined(Indices a, const Indices& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

static Indices first(Index n) { return arange(n, i64).to_vector<Index>(); }

TEST_CASE("without shuffling, batches come in the dataset's order; the last one may be short") {
  DataLoader loader(counting(7), {.batch_size = 3});
  CHECK(loader.size() == 3);
  std::vector<Shape> shapes;
  for (const auto& [x, y] : loader) {
    CHECK(y.shape() == Shape({x.size(0)}));
    CHECK(x.dtype() == f64);
    CHECK(y.dtype() == i64);
    shapes.push_back(x.shape());
  }
  CHECK(shapes == std::vector<Shape>{{3, 2, 2}, {3, 2, 2}, {1, 2, 2}});
  CHECK(run(loader) == first(7));
  CHECK(run(loader) == first(7));
}

TEST_CASE("drop_last leaves the short batch out") {
  DataLoader loader(counting(7), {.batch_size = 3, .drop_last = true});
  CHECK(loader.size() == 2);
  CHECK(run(loader) == first(6));
  CHECK(DataLoader(counting(6), {.batch_size = 3, .drop_last = true}).size() == 2);
  CHECK(DataLoader(counting(5)).size() == 5);
}

TEST_CASE("every example comes exactly once an epoch, in a new order each time") {
  DataLoader loader(counting(101), {.batch_size = 8, .shuffle = true, .seed = 1});
  CHECK(loader.size() == 13);
  const Indices one = run(loader), two = run(loader), three = run(loader);
  for (const auto& order : {one, two, three}) {
    CHECK(sorted(order) == first(101));
    CHECK(order != first(101));
  }
  CHECK(one != two);
  CHECK(two != three);
}

TEST_CASE("with drop_last and shuffling, other examples are left out each epoch") {
  DataLoader loader(counting(100), {.batch_size = 64, .shuffle = true, .drop_last = true, .seed = 1});
  const Indices one = sorted(run(loader)), two = sorted(run(loader));
  CHECK(one.size() == 64);
  CHECK(std::adjacent_find(one.begin(), one.end()) == one.end());
  CHECK(one != two);
}

TEST_CASE("all orders of three examples are equally likely") {
  DataLoader loader(counting(3), {.batch_size = 3, .shuffle = true, .seed = 5});
  std::vector<int> counts(27);
  for (int epoch = 0; epoch < 6000; ++epoch) {
    const Indices order = run(loader);
    ++counts[static_cast<std::size_t>(9 * order[0] + 3 * order[1] + order[2])];
  }
  std::sort(counts.rbegin(), counts.rend());
  CHECK(counts[0] < 1150);  // 5 standard deviations of 29 above 1000
  CHECK(counts[5] > 850);
  CHECK(counts[6] == 0);
}

TEST_CASE("inputs stay with their targets") {
  DataLoader loader(counting(50), {.batch_size = 7, .shuffle = true});
  for (const auto& [x, y] : loader)
    for (Index i = 0; i < x.size(0); ++i) CHECK(bitwise_equal(x[i], full({2, 2}, static_cast<double>(y.at({i})), f64)));
}

TEST_CASE("the order depends on seed and epoch alone") {
  const data::DataLoaderOptions options{.batch_size = 4, .shuffle = true, .seed = 9};
  DataLoader a(counting(40), options), b(counting(40), options);
  DataLoader c(counting(40), {.batch_size = 4, .shuffle = true, .seed = 10});
  run(a);
  run(b, 3);  // an epoch left early does not change the next one
  run(c);
  const Indices second = run(a);
  CHECK(second == run(b));
  CHECK(second != run(c));
}

TEST_CASE("by default the seed comes from the default generator, once") {
  manual_seed(4);
  DataLoader a(counting(40), {.batch_size = 4, .shuffle = true});
  const auto position = default_generator().position();
  DataLoader b(counting(40), {.batch_size = 4, .shuffle = true});
  CHECK(default_generator().position() > position);
  manual_seed(4);
  DataLoader c(counting(40), {.batch_size = 4, .shuffle = true});
  CHECK(default_generator().position() == position);
  const Indices order = run(a);
  CHECK(order != run(b));
  CHECK(order == run(c));
  CHECK(default_generator().position() == position);
}

TEST_CASE("a loader that needs no random numbers draws none") {
  manual_seed(4);
  DataLoader unshuffled(counting(40), {.batch_size = 4});
  DataLoader seeded(counting(40), {.batch_size = 4, .shuffle = true, .seed = 1});
  CHECK(default_generator().position() == 0);
}

TEST_CASE("a loop after a break starts a new epoch") {
  DataLoader loader(counting(10), {.batch_size = 3});
  CHECK(run(loader, 2) == first(6));
  CHECK(run(loader) == first(10));
}

TEST_CASE("a batch is a copy: it can be kept, and changed") {
  const TensorDataset dataset = counting(6);
  DataLoader loader(dataset, {.batch_size = 3});
  std::vector<Batch> kept;
  for (const auto& batch : loader) {
    kept.push_back(batch);
    kept.back().inputs.fill(-1.0);
  }
  CHECK(bitwise_equal(dataset.inputs(), counting(6).inputs()));
  CHECK(kept[0].targets.to_vector<Index>() == Indices{0, 1, 2});
  CHECK(kept[1].targets.to_vector<Index>() == Indices{3, 4, 5});
}

TEST_CASE("a batch takes over the memory of one that nobody kept") {
  DataLoader loader(counting(12), {.batch_size = 3, .shuffle = true});
  std::vector<const double*> places;
  for (const auto& batch : loader) places.push_back(batch.inputs.data<double>());
  if (recycled) CHECK(places == std::vector<const double*>(4, places[0]));
}

TEST_CASE("a loaded position goes on exactly where the saved one was") {
  const data::DataLoaderOptions options{.batch_size = 4, .shuffle = true};
  for (Index stop = 1; stop <= 6; ++stop) {
    CAPTURE(stop);
    manual_seed(3);
    DataLoader straight(counting(21), options), saved(counting(21), options);
    saved.load_state_dict(straight.state_dict());  // the same seed
    Indices expected;
    for (int epoch = 0; epoch < 4; ++epoch) expected = joined(expected, run(straight));

    Indices order = run(saved);
    order = joined(order, run(saved, stop));
    const StateDict state = saved.state_dict();
    DataLoader fresh(counting(21), options);
    run(fresh, 2);  // whatever it did before
    fresh.load_state_dict(state);
    CHECK(bitwise_equal(fresh.state_dict().at("position"), state.at("position")));
    while (order.size() < expected.size()) order = joined(order, run(fresh));
    CHECK(order == expected);
  }
}

TEST_CASE("a state saved before the first and after a whole epoch") {
  const data::DataLoaderOptions options{.batch_size = 4, .shuffle = true, .seed = 8};
  DataLoader straight(counting(9), options);
  const StateDict before = straight.state_dict();
  const Indices one = run(straight);
  const StateDict after = straight.state_dict();
  const Indices two = run(straight);

  DataLoader loader(counting(9), {.batch_size = 4, .shuffle = true, .seed = 0});
  loader.load_state_dict(before);
  CHECK(run(loader) == one);
  loader.load_state_dict(after);
  CHECK(run(loader) == two);
}

TEST_CASE("states that do not fit are refused and change nothing") {
  DataLoader loader(counting(9), {.batch_size = 4, .shuffle = true, .seed = 8});
  DataLoader copy = loader;
  const Indices one = run(copy);
  CHECK_THROWS_WITH_AS(loader.load_state_dict({}), Contains("DataLoader: missing batch_size, epoch, examples"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      loader.load_state_dict(DataLoader(counting(9), {.batch_size = 3}).state_dict()),
      "DataLoader: the state is that of batches of 3 from 9 examples, this loader has batches of 4 from 9",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(loader.load_state_dict(DataLoader(counting(8), {.batch_size = 4}).state_dict()),
                       Contains("from 8 examples"), std::invalid_argument);
  auto state = loader.state_dict();
  state["position"] = tensor({4}, {}, i64);
  CHECK_THROWS_WITH_AS(loader.load_state_dict(state), "DataLoader: no epoch 0, position 4 of 3", std::invalid_argument);
  state["position"] = tensor({-1}, {}, i64);
  CHECK_THROWS_AS(loader.load_state_dict(state), std::invalid_argument);
  CHECK(run(loader) == one);
}

TEST_CASE("loaders that could hand out nothing are refused") {
  CHECK_THROWS_WITH_AS(DataLoader(counting(3), {.batch_size = 0}), "DataLoader: batch_size must be >= 1, got 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(DataLoader(counting(0)), "DataLoader: the dataset is empty", std::invalid_argument);
  CHECK_THROWS_WITH_AS(DataLoader(counting(3), {.batch_size = 4, .drop_last = true}),
                       "DataLoader: drop_last leaves no batch of 4 from a dataset of 3", std::invalid_argument);
  CHECK(DataLoader(counting(3), {.batch_size = 4}).size() == 1);
}

TEST_CASE("examples of no elements") {
  DataLoader loader({zeros({3, 0}), arange(3, i64)}, {.batch_size = 2, .shuffle = true});
  CHECK(sorted(run(loader)) == first(3));
}
