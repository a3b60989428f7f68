#include <doctest/doctest.h>

#include <ravine/dist/dist.hpp>
#include <ravine/dist/tree.hpp>
#include <ravine/ravine.hpp>

#include <cmath>

using namespace ravine;

namespace {

dist::World& world() {
  static int count = 1;
  static char name[] = "dist_test", *arguments[] = {name, nullptr}, **all = arguments;
  static dist::World world(count, all);
  return world;
}

nn::Sequential make_net() {
  return {nn::Linear(10, 24), nn::BatchNorm1d(24), nn::ReLU(), nn::Dropout(0.25), nn::Linear(24, 1)};
}

struct Trained {
  StateDict state;
  double loss;
};

// So many steps with the batches of a loader; 0 shards: the loop of a program that knows nothing of them.
Trained trained(Index shards, Index batch_size = 40, int steps = 12) {
  manual_seed(5);
  const data::TensorDataset rows = data::friedman1(100);
  nn::Sequential net = make_net();
  optim::SGD sgd(net.parameters(), {.lr = 1e-2, .momentum = 0.9});
  const data::DataLoaderOptions options{.batch_size = batch_size, .shuffle = true};
  double loss = 0.0;
  if (shards == 0) {
    data::DataLoader loader(rows, options);
    while (sgd.steps() < steps)
      for (const auto& batch : loader) loss = sgd.step([&] { return nn::mse_loss(net(batch.inputs), batch.targets); });
  } else {
    dist::DataParallel parallel(world(), net, {.shards = shards});
    auto loader = parallel.loader(rows, options);
    while (sgd.steps() < steps)
      for (const auto& batch : loader)
        loss = parallel.step(sgd, batch, [&](const Tensor& x, const Tensor& y) { return nn::mse_loss(net(x), y); });
  }
  return {net.state_dict(), loss};
}

double largest_difference(const StateDict& a, const StateDict& b) {
  double most = 0.0;
  for (const auto& [name, x] : a) {
    const double here = max(abs(x - b.at(name))).item();
    if (!(here <= most)) most = here;
  }
  return most;
}

// The gradients of one step, and the loss.
std::vector<Tensor> gradients(nn::Module& net, const data::Batch& batch, Index shards) {
  optim::SGD sgd(net.parameters(), {.lr = 1e-30});
  dist::DataParallel parallel(world(), net, {.shards = shards});
  const double loss =
      parallel.step(sgd, batch, [&](const Tensor& x, const Tensor& y) { return nn::mse_loss(net(x), y); });
  std::vector<Tensor> all;
  for (const Variable& p : net.parameters()) all.push_back(p.grad());
  all.push_back(scalar(loss, f64));
  return all;
}

}  // namespace

TEST_CASE("with one shard a training is the plain loop, bit for bit") {
  const Trained plain = trained(0), one = trained(1);
  CHECK(plain.loss == one.loss);
  CHECK(largest_difference(plain.state, one.state) == 0.0);
}

TEST_CASE("shards change a training by rounding only: masks and moments are the whole batch's") {
  const Trained plain = trained(0);
  for (const Index shards : {2, 4, 8, 32}) {
    CAPTURE(shards);
    const Trained cut = trained(shards);
    CHECK(cut.loss == doctest::Approx(plain.loss).epsilon(1e-5));
    CHECK(largest_difference(plain.state, cut.state) < 1e-4);
    CHECK(largest_difference(plain.state, cut.state) > 0.0);
  }
  CHECK(trained(8, 4).loss == doctest::Approx(trained(0, 4).loss).epsilon(1e-4));  // fewer rows than shards
}

TEST_CASE("gradients of a batch in shards are those of the batch, through batch normalization too") {
  manual_seed(2);
  nn::Sequential net{nn::Linear(6, 9), nn::BatchNorm1d(9), nn::Tanh(), nn::Linear(9, 4), nn::BatchNorm1d(4)};
  net.to(f64);
  const data::Batch batch{randn({37, 6}, f64) + 100.0, randn({37, 4}, f64)};
  const StateDict start = net.state_dict();
  const std::vector<Tensor> whole = gradients(net, batch, 1);
  const StateDict moved = net.state_dict();
  for (const Index shards : {2, 8, 64}) {
    CAPTURE(shards);
    net.load_state_dict(start);
    const std::vector<Tensor> parts = gradients(net, batch, shards);
    for (std::size_t k = 0; k < whole.size(); ++k) CHECK(max(abs(whole[k] - parts[k])).item() < 1e-12);
    CHECK(largest_difference(moved, net.state_dict()) < 1e-12);  // running statistics have moved once
  }
}

TEST_CASE("a batch may have no targets") {
  nn::Linear net(10, 10);
  optim::SGD sgd(net.parameters(), {.lr = 1e-2});
  dist::DataParallel parallel(world(), net);
  const Tensor x = randn({12, 10});
  const double whole = nn::mse_loss(net(x), x).item();
  const double loss = parallel.step(sgd, {x, {}}, [&](const Tensor& part, const Tensor& none) {
    CHECK(!none.defined());
    return nn::mse_loss(net(part), part);
  });
  CHECK(loss == doctest::Approx(whole));
}

TEST_CASE("without sync_batch_norm a shard is normalized alone, and the first one moves the running statistics") {
  manual_seed(3);
  nn::BatchNorm1d norm(3);
  const data::Batch batch{randn({8, 3}), zeros({8, 3})};
  optim::SGD sgd(norm.parameters(), {.lr = 1e-30});
  dist::DataParallel parallel(world(), norm, {.shards = 4, .sync_batch_norm = false});
  parallel.step(sgd, batch, [&](const Tensor& x, const Tensor&) {
    const Variable y = norm(x);
    CHECK(max(abs(mean(y.value(), 0))).item() < 1e-5);
    return mean(y);
  });
  CHECK(max(abs(norm.running_mean.value() - 0.1 * mean(batch.inputs.slice(0, 0, 2), 0))).item() < 1e-7);
}

TEST_CASE("DetectAnomaly names the module, though shards take turns in it") {
  manual_seed(3);
  const DetectAnomaly detect;
  nn::Sequential net{nn::Linear(4, 4), nn::BatchNorm1d(4), nn::Linear(4, 1)};
  optim::SGD sgd(net.parameters(), {.lr = 1e-3});
  dist::DataParallel parallel(world(), net);
  const data::Batch batch{randn({16, 4}), zeros({16, 1})};
  const auto step = [&] {
    parallel.step(sgd, batch, [&](const Tensor& x, const Tensor& y) { return nn::mse_loss(net(x), y); });
  };
  step();
  net.parameters()[4].node()->value.set({0, 0}, NAN);
  CHECK_THROWS_WITH_AS(step(), doctest::Contains("in 2:"), AnomalyError);
}

TEST_CASE("batch normalization over shards keeps the digits of values far from 0") {
  manual_seed(3);
  nn::BatchNorm1d norm(3);
  const Tensor x = randn({64, 3}) + 10000.0;
  const data::Batch batch{x, zeros({64, 3})};
  double losses[2];
  for (const int many : {0, 1}) {
    optim::SGD sgd(norm.parameters(), {.lr = 1e-30});
    dist::DataParallel parallel(world(), norm, {.shards = many ? 16 : 1});
    losses[many] = parallel.step(
        sgd, batch, [&](const Tensor& part, const Tensor&) { return mean(square(norm(part)) * Variable(part - 1e4)); });
  }
  CHECK(losses[1] == doctest::Approx(losses[0]).epsilon(1e-5));
}

TEST_CASE("optimizers that look at the Hessian get that of the whole batch") {
  const auto trained_by = [](auto make, bool plain) {
    manual_seed(4);
    nn::Sequential net{nn::Linear(10, 8), nn::Tanh(), nn::Dropout(0.2), nn::Linear(8, 1)};
    net.to(f64);
    net.parameters()[1].set_requires_grad(false);
    const data::Batch batch{randn({29, 10}, f64), randn({29, 1}, f64)};
    const auto optimizer = make(net.parameters());
    dist::DataParallel parallel(world(), net);
    const auto f = [&](const Tensor& x, const Tensor& y) { return nn::mse_loss(net(x), y); };
    for (int step = 0; step < 5; ++step)
      plain ? optimizer->step([&] { return f(batch.inputs, batch.targets); }) : parallel.step(*optimizer, batch, f);
    return net.state_dict();
  };
  const auto compare = [&](auto make) {
    const StateDict plain = trained_by(make, true), cut = trained_by(make, false);
    CHECK(largest_difference(plain, cut) < 1e-11);
  };
  compare([](const auto& params) {
    return std::make_unique<optim::AdaHessian>(params, optim::AdaHessianOptions{.samples = 2});
  });
  compare([](const auto& params) { return std::make_unique<optim::Sophia>(params, optim::SophiaOptions{}); });
}

TEST_CASE("batch normalization over shards has no second derivatives, and says so") {
  manual_seed(2);
  nn::Sequential net = make_net();
  optim::AdaHessian adahessian(net.parameters());
  dist::DataParallel parallel(world(), net);
  const data::Batch batch{randn({32, 10}), randn({32, 1})};
  CHECK_THROWS_WITH_AS(
      parallel.step(adahessian, batch, [&](const Tensor& x, const Tensor& y) { return nn::mse_loss(net(x), y); }),
      "batch_norm: over the shards of a batch it has no second derivatives", std::logic_error);
}

TEST_CASE("bad options, batches and losses are refused by name") {
  manual_seed(2);
  nn::Sequential net = make_net();
  CHECK_THROWS_WITH_AS(dist::DataParallel(world(), net, {.shards = 6}),
                       "DataParallel: shards must be a power of two, got 6", std::invalid_argument);
  CHECK_THROWS_WITH_AS(dist::DataParallel(world(), net, {.shards = 0}),
                       "DataParallel: shards must be a power of two, got 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(dist::DataParallel(world(), net, {.check_every = 0}),
                       "DataParallel: check_every must be >= 1, got 0", std::invalid_argument);
  dist::DataParallel parallel(world(), net);
  optim::Adam adam(net.parameters());
  const auto step = [&](const data::Batch& batch, dist::DataParallel::Loss f) { parallel.step(adam, batch, f); };
  const auto mse = [&](const Tensor& x, const Tensor& y) { return nn::mse_loss(net(x), y); };
  CHECK_THROWS_WITH_AS(step({}, mse), "DataParallel: the batch has no rows", std::invalid_argument);
  CHECK_THROWS_WITH_AS(step({zeros({4, 10}), zeros({3, 1})}, mse), "DataParallel: 4 rows of inputs and 3 of targets",
                       ShapeError);
  const data::Batch batch{randn({32, 10}), randn({32, 1})};
  const StateDict before = net.state_dict();
  CHECK_THROWS_WITH_AS(step(batch, [&](const Tensor& x, const Tensor&) { return net(x); }),
                       doctest::Contains("DataParallel: the loss of rows must have one element, got (4, 1)"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(step(batch, [&](const Tensor&, const Tensor&) { return Variable(); }),
                       doctest::Contains("returned no loss"), std::logic_error);
  CHECK_THROWS_AS(step(batch, [&](const Tensor&, const Tensor&) { return Variable(scalar(1.0)); }), std::logic_error);
  CHECK(adam.steps() == 0);
  step(batch, mse);  // and can go on
  CHECK(adam.steps() == 1);
}

TEST_CASE("what is thrown between two meetings leaves thread, parameters and random numbers as they were") {
  manual_seed(2);
  nn::Sequential net = make_net();
  optim::Adam adam(net.parameters());
  dist::DataParallel parallel(world(), net);
  const data::Batch batch{randn({32, 10}), randn({32, 1})};
  const auto position = default_generator().position();
  int calls = 0;
  const auto fails = [&](const Tensor& x, const Tensor& y) {
    {
      const NoGrad no_grad;
      net(x);  // leaves the shard for the others
    }
    const Variable out = net(x);
    if (++calls == 5) throw std::runtime_error("no more");
    return nn::mse_loss(out, y);
  };
  CHECK_THROWS_WITH_AS(parallel.step(adam, batch, fails), "no more", std::runtime_error);
  CHECK(calls == 5);
  CHECK(Shard::current() == nullptr);
  CHECK(default_generator().position() == position);
  CHECK(nn::mse_loss(net(batch.inputs), batch.targets).requires_grad());
  for (const Variable& p : net.parameters()) CHECK(!p.grad().defined());
}

TEST_CASE("a loss that thaws a parameter is refused, whose gradient would not be added up") {
  manual_seed(2);
  nn::Linear net(10, 1);
  optim::SGD sgd(net.parameters(), {.lr = 1e-2});
  dist::DataParallel parallel(world(), net);
  const data::Batch batch{randn({32, 10}), randn({32, 1})};
  const Variable bias = net.parameters()[1];
  const auto step = [&](bool thaws) {
    parallel.step(sgd, batch, [&](const Tensor& x, const Tensor& y) {
      if (thaws) bias.set_requires_grad(true);
      return nn::mse_loss(net(x), y);
    });
  };
  bias.set_requires_grad(false);
  CHECK_THROWS_WITH_AS(step(true), doctest::Contains("DataParallel: a parameter of shape (1) has a gradient after"),
                       std::logic_error);
  CHECK(sgd.steps() == 0);
  const Tensor before = bias.value().clone();
  bias.set_requires_grad(false);
  step(false);
  CHECK(bitwise_equal(bias.value(), before));
  bias.set_requires_grad(true);
  step(false);
  CHECK_FALSE(bitwise_equal(bias.value(), before));
}

TEST_CASE("a normalization that not all shards come to is refused") {
  manual_seed(2);
  nn::Sequential net = make_net();
  optim::Adam adam(net.parameters());
  dist::DataParallel parallel(world(), net, {.shards = 4});
  const data::Batch batch{randn({32, 10}), randn({32, 1})};
  int calls = 0;
  CHECK_THROWS_WITH_AS(parallel.step(adam, batch,
                                     [&](const Tensor& x, const Tensor& y) {
                                       if (++calls == 2) net.eval();
                                       const Variable out = net(x);
                                       net.train();
                                       return nn::mse_loss(out, y);
                                     }),
                       "DataParallel: a batch normalization is not met by all shards of the batch", std::logic_error);
}

TEST_CASE("hash tells names, shapes, types and every bit apart") {
  manual_seed(1);
  nn::Sequential net = make_net();
  const std::uint64_t before = dist::hash(net);
  CHECK(dist::hash(clone(net)) == before);
  Tensor weight = net.parameters()[0].value();
  const double old = weight.at({3, 3});
  weight.set({3, 3}, std::nextafter(static_cast<float>(old), 10.0F));
  CHECK(dist::hash(net) != before);
  weight.set({3, 3}, old);
  CHECK(dist::hash(net) == before);
}

TEST_CASE("ranks share shards evenly, each a node of the tree where none has more than two") {
  for (const Index shards : {1, 2, 8, 64})
    for (int ranks = 1; ranks < 70; ++ranks) {
      CAPTURE(shards);
      CAPTURE(ranks);
      const detail::Cut cut{100, shards, ranks};
      CHECK(cut.shard(0) == 0);
      CHECK(cut.shard(ranks) == shards);
      for (int rank = 0; rank < ranks; ++rank) {
        const Index begin = cut.shard(rank), many = cut.shard(rank + 1) - begin;
        CHECK(many >= shards / ranks);
        CHECK(many <= (shards + ranks - 1) / ranks);
        if (shards <= 2 * ranks && many == 2) CHECK(begin % 2 == 0);
      }
    }
}
