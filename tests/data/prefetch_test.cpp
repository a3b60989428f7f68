// Batches made ahead by threads: the same as without, whatever happens on the way.
#include <doctest/doctest.h>
#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cfenv>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/data/loader.hpp>

#include "../in_child.hpp"

using namespace ravine;
using data::Batch;
using data::DataLoader;
using data::DataLoaderOptions;
using data::Example;
using doctest::Contains;

namespace {

/// Example i is i with noise, drawn from the default generator; so slow that threads are worth waking.
struct Noisy {
  Index count;
  Index size() const { return count; }
  Example get(Index i) const {
    std::this_thread::sleep_for(std::chrono::microseconds(10));
    const Tensor noise = randn({3, 2}, f64);
    return {noise + static_cast<double>(i), scalar(i, i64)};
  }
};

/// What all copies of a dataset share: calls that have returned, and that run.
struct Counts {
  std::atomic<int> calls{0}, running{0};
};

/// Throws at one example; counts.
struct Broken {
  std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  Index size() const { return 40; }
  Example get(Index i) const {
    ++counts->calls;
    if (i == 17) throw std::runtime_error("example 17 cannot be read");
    return {full({2}, static_cast<double>(i)), scalar(i, i64)};
  }
};

struct Slow {
  std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  Index size() const { return 1000; }
  Example get(Index i) const {
    ++counts->running;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    --counts->running;
    ++counts->calls;
    return {full({2}, static_cast<double>(i)), scalar(i, i64)};
  }
};

using Epoch = std::vector<Batch>;

Epoch run(DataLoader& loader, Index batches = -1) {
  Epoch seen;
  for (const Batch& batch : loader) {
    seen.push_back({batch.inputs.clone(), batch.targets.clone()});
    if (--batches == 0) break;
  }
  return seen;
}

bool same(const Epoch& a, const Epoch& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!bitwise_equal(a[i].inputs, b[i].inputs) || !bitwise_equal(a[i].targets, b[i].targets)) return false;
  return true;
}

/// Rows so long that threads are worth waking.
data::TensorDataset rows(Index n) {
  Generator generator(3);
  return {randn({n, 20000}, generator), arange(n, i64)};
}

/// While it lives, no thread can be started: each would have a stack that is larger than the address space.
struct NoThreads {
  pthread_attr_t before, huge;
  NoThreads() {
    pthread_getattr_default_np(&before);
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 60);
    REQUIRE(pthread_setattr_default_np(&huge) == 0);
  }
  ~NoThreads() {
    pthread_setattr_default_np(&before);
    pthread_attr_destroy(&huge);
    pthread_attr_destroy(&before);
  }
};

}  // namespace

TEST_CASE("prefetch changes no bit of any batch") {
  const auto check = [](const data::Dataset& dataset, DataLoaderOptions options) {
    options.seed = 5;
    DataLoader plain(dataset, options);
    const Epoch one = run(plain), two = run(plain), three = run(plain);
    for (const Index prefetch : {1, 2, 3, 100}) {
      CAPTURE(prefetch);
      options.prefetch = prefetch;
      DataLoader loader(dataset, options);
      CHECK(same(run(loader), one));
      CHECK(same(run(loader), two));
      CHECK(same(run(loader), three));
    }
  };
  for (const bool shuffle : {false, true})
    for (const bool drop_last : {false, true}) {
      check(rows(50), {.batch_size = 8, .shuffle = shuffle, .drop_last = drop_last});
      check(Noisy{50}, {.batch_size = 8, .shuffle = shuffle, .drop_last = drop_last});
    }
  check(rows(3), {.batch_size = 8});
  check(Noisy{60}, {.batch_size = 7, .sampler = data::weighted_sampler(arange(60, i64), 90)});
}

TEST_CASE("other threads make batches, each computing alone, in the loop's floating-point mode") {
  struct Watched {
    std::thread::id loops = std::this_thread::get_id();
    std::shared_ptr<std::atomic<int>> by_others = std::make_shared<std::atomic<int>>(0),
                                      wrong = std::make_shared<std::atomic<int>>(0);
    Index size() const { return 20; }
    Example get(Index i) const {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      if (std::this_thread::get_id() != loops) {
        ++*by_others;
        const volatile double one = 1.0, three = 3.0;
        *wrong += omp_get_max_threads() != 1 || one / three == 1.0 / 3.0;  // which would be rounded down
      }
      return {full({2}, static_cast<double>(i)), scalar(i, i64)};
    }
  } dataset;
  DataLoader loader(dataset, {.batch_size = 2, .prefetch = 2});
  run(loader);  // starts the threads, which are asleep after it
  *dataset.by_others = *dataset.wrong = 0;
  std::fesetround(FE_UPWARD);
  for (int epoch = 0; epoch < 1000 && *dataset.by_others == 0; ++epoch) run(loader);
  std::fesetround(FE_TONEAREST);
  CHECK(*dataset.by_others > 0);
  CHECK(*dataset.wrong == 0);
}

TEST_CASE("what an example draws depends on seed, epoch and its number, not on who trains meanwhile") {
  const DataLoaderOptions options{.batch_size = 4, .seed = 1};
  DataLoader a(Noisy{20}, options), b(Noisy{20}, {.batch_size = 5, .shuffle = true, .seed = 1});
  DataLoader c(Noisy{20}, {.batch_size = 4, .seed = 2});
  manual_seed(77);
  const Tensor next = randn({3});
  manual_seed(77);
  const Epoch one = run(a), two = run(a);
  CHECK(bitwise_equal(randn({3}), next));  // the loop's own numbers go on
  CHECK(!bitwise_equal(one[0].inputs, two[0].inputs));
  CHECK(!bitwise_equal(one[0].inputs, run(c)[0].inputs));
  CHECK(!bitwise_equal(one[0].inputs[0], one[0].inputs[1]));
  for (const Batch& batch : run(b))
    for (Index k = 0; k < 5; ++k) {
      const Index i = batch.targets.at<Index>({k});
      CHECK(bitwise_equal(batch.inputs[k], one[static_cast<std::size_t>(i / 4)].inputs[i % 4]));
    }
}

TEST_CASE("an example that comes twice in an epoch draws other numbers the second time") {
  DataLoader loader(Noisy{1}, {.batch_size = 2, .seed = 1, .sampler = data::weighted_sampler(ones({1}), 2)});
  const Epoch epoch = run(loader);
  CHECK(!bitwise_equal(epoch[0].inputs[0], epoch[0].inputs[1]));
}

TEST_CASE("what a dataset throws reaches the loop where it would without prefetch") {
  for (const Index prefetch : {0, 1, 3, 30}) {
    CAPTURE(prefetch);
    DataLoader loader(Broken(), {.batch_size = 4, .prefetch = prefetch});
    for (int epoch = 0; epoch < 2; ++epoch) {
      Index seen = 0;
      const auto all = [&] {
        for (const Batch& batch : loader) seen += batch.inputs.size(0);
      };
      CHECK_THROWS_WITH_AS(all(), "example 17 cannot be read", std::runtime_error);
      CHECK(seen == 16);
      CHECK(loader.state_dict().at("position").item<Index>() == 4);
    }
  }
}

TEST_CASE("after an exception a loop can try again, and the first batch as well") {
  struct Flaky {
    std::shared_ptr<std::atomic<int>> left;
    Index size() const { return 12; }
    Example get(Index i) const {
      if (i == 5 && --*left >= 0) throw std::runtime_error("not yet");
      return {scalar(static_cast<double>(i)), scalar(i, i64)};
    }
  };
  for (const Index prefetch : {0, 2}) {
    CAPTURE(prefetch);
    DataLoader loader(Flaky{std::make_shared<std::atomic<int>>(2)}, {.batch_size = 4, .prefetch = prefetch});
    auto it = loader.begin();
    CHECK_THROWS_AS(++it, std::runtime_error);
    CHECK_THROWS_AS(++it, std::runtime_error);
    ++it;
    CHECK(it->targets.to_vector<Index>() == std::vector<Index>{4, 5, 6, 7});
    ++it;
    CHECK(++it == loader.end());
    const auto failures = std::make_shared<std::atomic<int>>(0);
    DataLoader whole(Flaky{failures}, {.batch_size = 12, .prefetch = prefetch});
    for (const Index epoch : {0, 1}) {
      *failures = 1;
      CHECK_THROWS_AS(whole.begin(), std::runtime_error);
      CHECK(run(whole).size() == 1);
      CHECK(whole.state_dict().at("epoch").item<Index>() == epoch);
    }
  }
}

TEST_CASE("a loop that is left early ends its threads with the loader, within an example") {
  const Slow dataset;
  {
    DataLoader loader(dataset, {.batch_size = 300, .prefetch = 1});
    CHECK(run(loader, 1)[0].inputs.size(0) == 300);
  }
  CHECK(dataset.counts->running == 0);
  CHECK(dataset.counts->calls < 600);      // the second batch, which takes 300 ms, has been given up
  CHECK(dataset.counts.use_count() == 1);  // nobody holds the dataset any more
  {
    DataLoader loader(dataset, {.batch_size = 2, .shuffle = true, .seed = 1, .prefetch = 3});
    DataLoader plain(dataset, {.batch_size = 2, .shuffle = true, .seed = 1});
    for (const Index stop : {1, 2, 5, 1}) CHECK(same(run(loader, stop), run(plain, stop)));
  }
  CHECK(dataset.counts.use_count() == 1);
}

TEST_CASE("a loop that is left, by a break or an exception, keeps what its threads read until they have ended") {
  const Index n = 4300000;  // malloc gives the memory of their order back to the system at once: reads of it crash
  const data::TensorDataset many(zeros({n, 4}, u8), zeros({n}, u8));
  const auto leave = [&many](bool throws) {
    DataLoader loader(many, {.batch_size = n / 10, .shuffle = true, .seed = 1, .prefetch = 8});
    for (const Batch& batch : loader) {
      CHECK(batch.inputs.size(0) == n / 10);
      if (throws) throw std::runtime_error("enough");
      break;  // and threads are at other batches
    }
  };
  CHECK_NOTHROW(leave(false));
  CHECK_THROWS_WITH_AS(leave(true), "enough", std::runtime_error);
}

TEST_CASE("an iterator that outlives its loader goes on") {
  DataLoader plain(rows(50), {.batch_size = 8, .shuffle = true, .seed = 4});
  const Epoch expected = run(plain);
  std::optional<DataLoader> loader(std::in_place, rows(50),
                                   DataLoaderOptions{.batch_size = 8, .shuffle = true, .seed = 4, .prefetch = 2});
  auto it = loader->begin();
  loader.reset();
  for (const Batch& batch : expected) {
    CHECK(bitwise_equal(it->inputs, batch.inputs));
    ++it;
  }
  CHECK(it == std::default_sentinel);
}

TEST_CASE("loops within loops, each with threads of its own") {
  DataLoader plain(Noisy{21}, {.batch_size = 4, .shuffle = true, .seed = 9});
  DataLoader loader(Noisy{21}, {.batch_size = 4, .shuffle = true, .seed = 9, .prefetch = 2});
  auto expected = plain.begin();
  for (const Batch& batch : loader) {
    CHECK(same(run(loader, 3), run(plain, 3)));
    CHECK(bitwise_equal(batch.inputs, expected->inputs));
    CHECK(same(run(loader), run(plain)));
    ++expected;
  }
  CHECK(expected == plain.end());
}

TEST_CASE("the state tells what was handed out, not what was made ahead; a loaded one goes on there") {
  const DataLoaderOptions options{.batch_size = 4, .shuffle = true, .seed = 9, .prefetch = 5};
  DataLoader straight(Noisy{50}, options), loader(Noisy{50}, options);
  const Epoch whole = run(straight), next = run(straight);
  for (Index stop = 1; stop <= 12; ++stop) {
    DataLoader first(Noisy{50}, options);
    run(first, stop);
    const StateDict state = first.state_dict();
    CHECK(state.at("position").item<Index>() == stop);
    loader.load_state_dict(state);
    CHECK(same(run(loader), Epoch(whole.begin() + stop, whole.end())));
    CHECK(same(run(loader), next));
  }
}

TEST_CASE("more batches ahead than cores need no more threads than cores") {
  struct Threads {
    std::mutex mutex;
    std::set<std::thread::id> seen;
  };
  struct Seen {
    std::shared_ptr<Threads> threads = std::make_shared<Threads>();
    Index size() const { return 400; }
    Example get(Index i) const {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // so that each thread gets some to make
      const std::lock_guard lock(threads->mutex);
      threads->seen.insert(std::this_thread::get_id());
      return {scalar(static_cast<double>(i)), scalar(i, i64)};
    }
  };
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const Seen dataset;
  DataLoader loader(dataset, {.prefetch = 8 * static_cast<Index>(cores)});
  CHECK(run(loader).size() == 400);
  CHECK(dataset.threads->seen.size() <= cores + 1);  // and the loop's own
}

TEST_CASE("where no threads can be started, the loop makes its batches itself") {
  DataLoader plain(Noisy{50}, {.batch_size = 8, .shuffle = true, .seed = 4});
  DataLoader loader(Noisy{50}, {.batch_size = 8, .shuffle = true, .seed = 4, .prefetch = 3});
  const NoThreads none;
  CHECK_THROWS_AS(std::thread([] {}), std::system_error);
  CHECK(same(run(loader), run(plain)));
  CHECK(same(run(loader, 2), run(plain, 2)));
  CHECK(same(run(loader), run(plain)));
}

TEST_CASE("a child process goes on by itself, in the middle of a loop as well" * doctest::skip(!can_fork)) {
  const DataLoaderOptions options{.batch_size = 4, .shuffle = true, .seed = 9};
  DataLoaderOptions ahead = options;
  ahead.prefetch = 3;
  DataLoader plain(Noisy{50}, options), loader(Noisy{50}, ahead);
  const Epoch one = run(plain), two = run(plain);
  Index batch = 0;
  for (auto it = loader.begin(); it != loader.end(); ++it, ++batch) {
    const auto rest = [&] {
      DataLoader::Iterator mine = it;
      for (Index b = batch; mine != loader.end(); ++mine, ++b)
        if (!bitwise_equal(mine->inputs, one[static_cast<std::size_t>(b)].inputs)) return false;
      const bool right = same(run(loader), two);
      loader = DataLoader(rows(2));
      return right;
    };
    CHECK(in_child(rest));
  }
  CHECK(same(run(loader), two));
}

TEST_CASE("a batch that was kept keeps its elements") {
  DataLoader loader(Noisy{40}, {.batch_size = 4, .seed = 1, .prefetch = 2});
  DataLoader plain(Noisy{40}, {.batch_size = 4, .seed = 1});
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<Batch> kept;
    for (const Batch& batch : loader) kept.push_back(batch);
    CHECK(same(kept, run(plain)));
  }
}

TEST_CASE("prefetch below 0 is refused") {
  CHECK_THROWS_WITH_AS(DataLoader(rows(3), {.prefetch = -1}), "DataLoader: prefetch must be >= 0, got -1",
                       std::invalid_argument);
}
