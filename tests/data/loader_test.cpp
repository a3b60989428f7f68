#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
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
  CHECK_THROWS_WITH_AS(loader.load_state_dict({}), Contains("DataLoader: missing batch_size, epoch, epochs, examples"),
                       std::invalid_argument);
  const auto refused = [&](Index examples, const data::DataLoaderOptions& options, const std::string& with) {
    CHECK_THROWS_WITH_AS(loader.load_state_dict(DataLoader(counting(examples), options).state_dict()),
                         ("DataLoader: the state is that of a loader with " + with).c_str(), std::invalid_argument);
  };
  const data::Sampler order{9, [](std::span<Index> places, Generator&) { std::iota(places.begin(), places.end(), 0); }};
  refused(9, {.batch_size = 3, .shuffle = true}, "batch_size 3, this one has 4");
  refused(8, {.batch_size = 4, .shuffle = true}, "examples 8, this one has 9");
  refused(9, {.batch_size = 4}, "shuffle 0, this one has 1");
  refused(9, {.batch_size = 4, .shuffle = true, .drop_last = true}, "drop_last 1, this one has 0");
  refused(9, {.batch_size = 4, .sampler = order}, "shuffle 0, this one has 1");
  CHECK_THROWS_WITH_AS(DataLoader(counting(9), {.batch_size = 4})
                           .load_state_dict(DataLoader(counting(9), {.batch_size = 4, .sampler = order}).state_dict()),
                       "DataLoader: the state is that of a loader with sampler 9, this one has 0",
                       std::invalid_argument);
  auto state = loader.state_dict();
  state["position"] = tensor({4}, {}, i64);
  CHECK_THROWS_WITH_AS(loader.load_state_dict(state), "DataLoader: no epoch 0 of 1, position 4 of 3",
                       std::invalid_argument);
  state["position"] = tensor({-1}, {}, i64);
  CHECK_THROWS_AS(loader.load_state_dict(state), std::invalid_argument);
  state = loader.state_dict();
  state["epoch"] = tensor({1}, {}, i64);
  CHECK_THROWS_WITH_AS(loader.load_state_dict(state), "DataLoader: no epoch 1 of 1, position 0 of 3",
                       std::invalid_argument);
  state = loader.state_dict();
  for (const char* later : {"shuffle", "drop_last", "sampler"}) state.erase(later);
  loader.load_state_dict(state);  // of an older ravine
  CHECK(run(loader) == one);
}

namespace {

const data::DataLoaderOptions shuffled{.batch_size = 4, .shuffle = true, .seed = 9};

/// The orders of the first epochs.
std::vector<Indices> epochs_of(const TensorDataset& dataset, int count) {
  DataLoader loader(dataset, shuffled);
  std::vector<Indices> orders;
  for (int epoch = 0; epoch < count; ++epoch) orders.push_back(run(loader));
  return orders;
}

Index number(const DataLoader& loader, const char* name) { return loader.state_dict().at(name).to_vector<Index>()[0]; }

}  // namespace

TEST_CASE("loops within a loop: each sees its own whole epoch") {
  const auto orders = epochs_of(counting(21), 9);
  DataLoader loader(counting(21), shuffled);
  Indices outer;
  std::size_t inner = 0;
  for (const auto& batch : loader) {
    const Tensor before = batch.inputs.clone();
    if (inner % 2 == 1) run(loader, 2);  // one that is left early
    if (inner % 2 == 0) CHECK(run(loader) == orders[inner + 1]);
    ++inner;
    CHECK(bitwise_equal(batch.inputs, before));
    append(outer, batch);
  }
  CHECK(inner == 6);
  CHECK(outer == orders[0]);
  CHECK(run(loader) == orders[7]);
}

TEST_CASE("loops side by side, and one within one within one") {
  const auto orders = epochs_of(counting(10), 7);
  DataLoader loader(counting(10), shuffled);
  Indices a, b;
  auto second = loader.begin();
  for (auto first = loader.begin(); first != loader.end(); ++first, ++second) {
    append(a, *first);
    append(b, *second);
  }
  CHECK(second == loader.end());
  CHECK(b == orders[0]);
  CHECK(a == orders[1]);

  Indices one, two, three;
  for (const auto& x : loader) {
    append(one, x);
    if (two.empty())
      for (const auto& y : loader) {
        append(two, y);
        if (three.empty()) three = run(loader);
      }
  }
  CHECK(one == orders[2]);
  CHECK(two == orders[3]);
  CHECK(three == orders[4]);
  CHECK(run(loader) == orders[5]);
}

TEST_CASE("a loop that an exception ends, or that is left, does not disturb those around it") {
  const auto orders = epochs_of(counting(21), 4);
  DataLoader loader(counting(21), shuffled);
  Indices outer;
  for (const auto& batch : loader) {
    if (outer.empty()) {
      try {
        for (const auto& inner : loader)
          if (inner.targets.size(0) == 4) throw std::runtime_error("stop");
      } catch (const std::runtime_error&) {
      }
      CHECK(number(loader, "epoch") == 0);
      CHECK(number(loader, "position") == 1);
      CHECK(run(loader, 3) == Indices(orders[2].begin(), orders[2].begin() + 12));
    }
    append(outer, batch);
  }
  CHECK(outer == orders[0]);
  CHECK(run(loader) == orders[3]);
}

TEST_CASE("an iterator lives on without its loader; a copy of it is the same loop") {
  const auto orders = epochs_of(counting(10), 2);
  std::optional<DataLoader> loader(std::in_place, counting(10), shuffled);
  DataLoader::Iterator it = loader->begin();
  Indices order;
  append(order, *it);
  const Batch& shown = *it;
  CHECK(run(*loader) == orders[1]);
  loader.reset();
  CHECK(shown.targets.to_vector<Index>() == order);
  DataLoader::Iterator copy = it;
  ++copy;
  append(order, *it);
  DataLoader::Iterator moved = std::move(copy);
  it = moved;
  for (++it; moved != std::default_sentinel; ++moved) append(order, *it);
  CHECK(it == std::default_sentinel);
  CHECK(order == orders[0]);
}

TEST_CASE("an iterator that has come to its end stays there, whatever loops come after") {
  DataLoader loader(counting(10), shuffled);
  DataLoader::Iterator ended = loader.begin();
  while (ended != loader.end()) ++ended;
  for (const auto& batch : loader) {
    CHECK(ended == loader.end());
    CHECK(batch.targets.defined());
  }
}

TEST_CASE("the state tells the place of the oldest loop that runs") {
  DataLoader loader(counting(21), shuffled);
  const auto place = [&] { return std::array{number(loader, "epoch"), number(loader, "position")}; };
  using Place = std::array<Index, 2>;
  CHECK(place() == Place{0, 0});
  {
    auto outer = loader.begin();
    ++outer;
    auto inner = loader.begin();
    CHECK(place() == Place{0, 2});
    ++inner;
    ++inner;
    CHECK(place() == Place{0, 2});
    while (outer != loader.end()) ++outer;
    CHECK(place() == Place{1, 3});
    auto innermost = loader.begin();
    CHECK(place() == Place{1, 3});
  }
  CHECK(place() == Place{1, 3});
  CHECK(number(loader, "epochs") == 3);
  for (const auto& batch : loader) {
    static_cast<void>(batch);
    run(loader, 2);
    if (place() == Place{3, 1}) break;
  }
  CHECK(place() == Place{3, 1});  // the loop that was left, not the one inside it
  run(loader, 2);
  CHECK(place() == Place{5, 2});
}

TEST_CASE("a state saved in an inner loop goes on with the outer one, and then as if nothing had been") {
  constexpr Index stop = 3;
  // Each batch is followed by a pass over a part of the data.
  const auto pass = [](DataLoader& loader, Indices& seen, Index batches, const auto& in_inner) {
    for (const auto& batch : loader) {
      append(seen, batch);
      for (const auto& inner : loader) {
        in_inner(batches);
        append(seen, inner);
        if (seen.back() % 5 == 0) break;
      }
      if (--batches == 0) break;
    }
  };
  const auto nothing = [](Index) {};
  DataLoader straight(counting(21), shuffled);
  Indices expected, before;
  StateDict state;
  pass(straight, before, -1, [&](Index batches) {
    if (batches == -stop) state = straight.state_dict();  // again and again, in the inner loop of the third batch
  });
  pass(straight, expected, -1, nothing);

  DataLoader other(counting(21), {.batch_size = 4, .shuffle = true, .seed = 1});
  run(other, 2);
  Indices rest, after;
  for (const auto& batch : other) {
    static_cast<void>(batch);
    other.load_state_dict(state);  // while a loop runs, which goes on
    pass(other, rest, -1, nothing);
    pass(other, after, -1, nothing);
    break;
  }
  CHECK(Indices(before.end() - static_cast<std::ptrdiff_t>(rest.size()), before.end()) == rest);
  CHECK(after == expected);
  CHECK(number(straight, "epochs") == number(other, "epochs"));
}

TEST_CASE("two threads with a loader each") {
  const TensorDataset dataset = counting(21);
  const auto orders = epochs_of(dataset, 14);
  std::array<Indices, 2> outer;
  std::array<int, 2> right{};
  std::vector<std::thread> users;
  for (std::size_t t = 0; t < 2; ++t)
    users.emplace_back([&, t] {
      DataLoader loader(dataset, shuffled);
      for (std::size_t epoch = 0; epoch < 2; ++epoch)
        for (const auto& batch : loader) {
          append(outer[t], batch);
          right[t] += run(loader) == orders[7 * epoch + static_cast<std::size_t>(number(loader, "position"))];
        }
    });
  for (std::thread& user : users) user.join();
  for (std::size_t t = 0; t < 2; ++t) {
    CHECK(right[t] == 12);
    CHECK(outer[t] == joined(orders[0], orders[7]));
  }
}

TEST_CASE("a copy of a loader goes its own way, also from within a loop") {
  const auto orders = epochs_of(counting(21), 3);
  DataLoader loader(counting(21), shuffled);
  for (const auto& batch : loader) {
    static_cast<void>(batch);
    DataLoader copy = loader;
    CHECK(bitwise_equal(copy.state_dict().at("position"), loader.state_dict().at("position")));
    CHECK(run(copy) == orders[1]);
    DataLoader assigned(counting(3));
    assigned = copy;
    CHECK(run(assigned) == orders[2]);
  }
  DataLoader moved = std::move(loader);
  CHECK(run(moved) == orders[1]);
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
