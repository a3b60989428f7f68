// Whole training runs give the same bits on any number of threads, and again: networks of several sizes, with running
// statistics, dropout, a shuffling loader and optimizers of every kind.
#include <doctest/doctest.h>
#include <omp.h>

#include <functional>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <ravine/ravine.hpp>

namespace rv = ravine;
namespace nn = rv::nn;
namespace optim = rv::optim;
using Params = std::vector<rv::Variable>;

namespace {

struct Case {
  std::string name;
  rv::Index batch;
  std::vector<rv::Index> sizes;
  bool batch_norm;
  int steps;
};

const std::vector<Case> cases = {
    {.name = "tiny", .batch = 32, .sizes = {2, 32, 32, 1}, .batch_norm = false, .steps = 20},
    {.name = "reg", .batch = 64, .sizes = {8, 64, 64, 1}, .batch_norm = true, .steps = 20},
    {.name = "mnist", .batch = 64, .sizes = {784, 128, 10}, .batch_norm = false, .steps = 20},
    {.name = "mnistbn", .batch = 128, .sizes = {784, 512, 512, 10}, .batch_norm = true, .steps = 20},
    // No size is a multiple of a tile's.
    {.name = "wide", .batch = 300, .sizes = {1030, 2050, 70}, .batch_norm = true, .steps = 3},
};

using MakeOptimizer = std::function<std::unique_ptr<optim::Optimizer>(const Params&)>;

std::unique_ptr<optim::Optimizer> adam(const Params& params) { return std::make_unique<optim::Adam>(params); }

/// The model's and the optimizer's state after training from scratch on so many threads.
rv::StateDict train(const Case& c, const MakeOptimizer& make, int threads) {
  const int before = omp_get_max_threads();
  omp_set_num_threads(threads);
  rv::manual_seed(7);
  nn::Sequential model = nn::mlp(c.sizes, {.batch_norm = c.batch_norm, .dropout = 0.1});
  const rv::data::TensorDataset rows(rv::randn({2 * c.batch, c.sizes.front()}),
                                     rv::randn({2 * c.batch, c.sizes.back()}));
  rv::data::DataLoader loader(rows, {.batch_size = c.batch, .shuffle = true});
  const auto optimizer = make(model.parameters());
  while (optimizer->steps() < c.steps)
    for (const auto& batch : loader) {
      if (optimizer->steps() == c.steps) break;
      optimizer->step([&] { return nn::mse_loss(model(batch.inputs), batch.targets); });
    }
  omp_set_num_threads(before);
  rv::StateDict state = optimizer->state_dict();
  for (const auto& [key, value] : model.state_dict()) state["model." + key] = value.clone();
  return state;
}

void check_equal(const rv::StateDict& state, const rv::StateDict& expected) {
  REQUIRE(state.size() == expected.size());
  for (const auto& entry : state) {
    CAPTURE(entry.first);
    CHECK(rv::bitwise_equal(entry.second, expected.at(entry.first)));
  }
}

void check_same(const Case& c, const MakeOptimizer& make) {
  const rv::StateDict alone = train(c, make, 1);
  for (const int threads : {1, 2, 3, 8}) {
    CAPTURE(threads);
    check_equal(train(c, make, threads), alone);
  }
}

}  // namespace

TEST_CASE("training: the same bits on 1, 2, 3 and 8 threads") {
  for (const Case& c : cases) {
    CAPTURE(c.name);
    check_same(c, adam);
  }
}

TEST_CASE("training: the same bits for a large net" * doctest::skip()) {
  check_same({"large", 512, {1024, 4096, 4096, 1024}, false, 20}, adam);
}

TEST_CASE("training: the same bits for optimizers that evaluate more than the gradient") {
  const Case c = {.name = "", .batch = 64, .sizes = {40, 700, 10}, .batch_norm = true, .steps = 4};
  const MakeOptimizer makes[] = {
      [](const Params& params) { return std::make_unique<optim::SAM>(std::make_unique<optim::SGD>(params)); },
      [](const Params& params) { return std::make_unique<optim::AdaHessian>(params); },
      [](const Params& params) { return std::make_unique<optim::FactoredAdam>(params); },
      [](const Params& params) { return std::make_unique<optim::LBFGS>(params); },
  };
  for (const MakeOptimizer& make : makes) check_same(c, make);
}

TEST_CASE("training: the same bits for several models at once" * doctest::skip()) {
  // The second and third have products that are large enough for threads of their own.
  const std::vector<Case> nets = {{"", 64, {8, 64, 64, 1}, true, 400},
                                  {"", 128, {128, 128, 10}, true, 100},
                                  {"", 100, {130, 120, 10}, true, 100},
                                  {"", 32, {2, 32, 32, 1}, false, 400}};
  std::vector<rv::StateDict> alone, at_once(nets.size());
  for (const Case& c : nets) alone.push_back(train(c, adam, 2));
  std::latch start(static_cast<std::ptrdiff_t>(nets.size()));
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < nets.size(); ++i)
    threads.emplace_back([&, i] {
      start.arrive_and_wait();
      at_once[i] = train(nets[i], adam, 2);
    });
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < nets.size(); ++i) {
    CAPTURE(i);
    check_equal(at_once[i], alone[i]);
  }
}

TEST_CASE("training: one step more gives other bits") {  // so the comparison can fail
  const rv::StateDict a = train(cases[0], adam, 1);
  Case longer = cases[0];
  ++longer.steps;
  CHECK(!rv::bitwise_equal(a.at("model.0.weight"), train(longer, adam, 1).at("model.0.weight")));
}
