// The learning-rate range test.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <memory>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>
#include <ravine/train/train.hpp>

#include "../same_bits.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using train::find_lr;

namespace {

/// f(w) = c w² / 2 of one weight, which starts as 1.
struct Parabola {
  double c;
  nn::Linear model{1, 1};
  data::DataLoader loader{data::TensorDataset(ones({1, 1}, f64), zeros({1, 1}, f64))};

  explicit Parabola(double curvature) : c(curvature) {
    model.to(f64);
    model.weight.set_value(ones({1, 1}, f64));
    model.bias.set_value(zeros({1}, f64));
    model.bias.set_requires_grad(false);
  }
  Variable operator()(const Variable& y, const Tensor&) const { return sum(y * y) * (c / 2.0); }
};

}  // namespace

TEST_CASE("rates rise by one factor, losses are those before each update, smoothed without a bias") {
  Parabola f(1.0);
  optim::SGD sgd(f.model.parameters(), {.lr = 123.0});
  const auto range =
      find_lr(f.model, sgd, std::cref(f), f.loader, {.low = 0.01, .high = 1.0, .steps = 5, .smoothing = 0.5});
  CHECK(range.lr.numel() == 5);
  double w = 1.0, mean = 0.0, weight = 0.0;
  for (Index i = 0; i < 5; ++i) {
    const double lr = 0.01 * std::pow(10.0, static_cast<double>(i) / 2.0), loss = w * w / 2.0;
    CHECK(range.lr.at({i}) == Approx(lr).epsilon(1e-12));
    CHECK(range.loss.at({i}) == Approx(loss).epsilon(1e-12));
    mean = 0.5 * mean + 0.5 * loss;
    weight = 0.5 * weight + 0.5;
    CHECK(range.smoothed.at({i}) == Approx(mean / weight).epsilon(1e-12));
    w -= lr * w;
  }
  CHECK(f.model.weight.value().item() == 1.0);
}

TEST_CASE("the suggestion converges, and larger rates that diverge end the test") {
  for (const double c : {0.01, 1.0, 300.0}) {
    Parabola f(c);
    optim::SGD sgd(f.model.parameters(), {.lr = 1.0});
    const auto range = find_lr(f.model, sgd, std::cref(f), f.loader, {.low = 1e-6, .high = 1e6, .steps = 200});
    CHECK(range.suggestion > 0.01 / c);
    CHECK(range.suggestion < 2.0 / c);  // where it still converges
    CHECK(range.lr.numel() < 200);
  }
}

TEST_CASE("batches that differ do not decide on the suggestion, which trains") {
  for (const char* name : {"sgd", "sgd:momentum=0.9", "adam", "lion", "muon", "schedule_free_adamw"})
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      CAPTURE(name);
      CAPTURE(seed);
      manual_seed(seed);
      const Tensor x = randn({300, 5}), y = sum(x, 1, true) + 0.5 * randn({300, 1});
      data::DataLoader loader({x, y}, {.batch_size = 16, .shuffle = true});
      nn::Sequential model = nn::mlp({5, 32, 1});
      auto optimizer = optim::make(name, model.parameters());
      const auto range = find_lr(model, *optimizer, nn::mse_loss, loader);
      CHECK(range.suggestion > 1e-4);
      const std::string separator = std::string(name).find(':') == std::string::npos ? ":" : ",";
      optimizer = optim::make(name + separator + "lr=" + std::to_string(range.suggestion), model.parameters());
      const auto history = train::fit(model, *optimizer, nn::mse_loss, loader, {.epochs = 10});
      CHECK(history.row(9)[2] < 0.2 * range.loss.at({0}));
    }
}

TEST_CASE("everything is in the end as it was") {
  manual_seed(5);
  nn::Sequential model{nn::Linear(3, 8), nn::BatchNorm1d(8), nn::Dropout(0.5), nn::Dropout(0.1), nn::Linear(8, 1)};
  model[2].eval();
  const Tensor x = randn({20, 3});
  data::DataLoader loader({x, sum(x, 1, true)}, {.batch_size = 8, .shuffle = true});
  auto base = std::make_unique<optim::Adam>(model.parameters(), optim::AdamOptions{.lr = 0.5});
  optim::Lookahead lookahead(std::make_unique<optim::SAM>(std::move(base)));
  lookahead.step([&] { return nn::mse_loss(model(x), zeros({20, 1})); });
  const StateDict of_model = model.state_dict(), of_optimizer = lookahead.state_dict(), of_loader = loader.state_dict(),
                  random = default_generator().state_dict();
  std::vector<Tensor> gradients;
  for (const Variable& p : model.parameters()) gradients.push_back(p.grad().clone());
  const auto untouched = [&] {
    CHECK(same_bits(model.state_dict(), of_model));
    CHECK(same_bits(lookahead.state_dict(), of_optimizer));
    CHECK(same_bits(loader.state_dict(), of_loader));
    CHECK(same_bits(default_generator().state_dict(), random));
    for (std::size_t i = 0; i < gradients.size(); ++i) CHECK(bitwise_equal(model.parameters()[i].grad(), gradients[i]));
    CHECK(!model[2].training());
    CHECK(model.training());
  };
  const auto range = find_lr(model, lookahead, nn::mse_loss, loader, {.low = 1e-4, .high = 1e4, .steps = 40});
  CHECK(range.lr.at({0}) == Approx(1e-4));
  CHECK(std::isfinite(range.suggestion));
  untouched();
  Index calls = 0;
  const auto failing = [&](const Variable& y, const Tensor& t) {
    if (++calls == 7) throw std::runtime_error("enough");
    return nn::mse_loss(y, t);
  };
  CHECK_THROWS_WITH(find_lr(model, lookahead, failing, loader), "enough");
  untouched();
}

TEST_CASE("parameters that are not the model's stay as they were") {
  nn::Linear body(3, 4), head(4, 1);
  std::vector<Variable> all = body.parameters();
  for (const Variable& p : head.parameters()) all.push_back(p);
  optim::Adam adam(all);
  const StateDict before = head.state_dict();
  data::DataLoader loader({randn({8, 3}), randn({8, 1})}, {.batch_size = 8});
  find_lr(
      body, adam, [&](const Variable& y, const Tensor& t) { return nn::mse_loss(head(y), t); }, loader);
  CHECK(same_bits(head.state_dict(), before));
}

TEST_CASE("gradients of parameters that are not the optimizer's stay as they were") {
  nn::Sequential model{nn::Linear(3, 4), nn::Linear(4, 1)};
  optim::Adam head(model[1].parameters());
  const Tensor x = randn({8, 3}), given = full({4}, 7.0);
  model[0].parameters()[1].set_grad(given.clone());
  data::DataLoader loader({x, sum(x, 1, true)}, {.batch_size = 8});
  find_lr(model, head, nn::mse_loss, loader, {.steps = 3});
  CHECK(!model[0].parameters()[0].grad().defined());
  CHECK(bitwise_equal(model[0].parameters()[1].grad(), given));
}

TEST_CASE("a loss that is not finite ends the test") {
  Parabola f(1.0);
  optim::SGD sgd(f.model.parameters());
  Index calls = 0;
  const auto later = [&](const Variable& y, const Tensor&) { return ++calls < 4 ? sum(y * y) : sum(log(y - y)); };
  const auto some = find_lr(f.model, sgd, later, f.loader, {.low = 1e-3, .high = 1.0, .steps = 10});
  CHECK(some.loss.numel() == 3);
  CHECK(sum(isfinite(some.smoothed).to(f64)).item() == 3.0);
  CHECK(std::isfinite(some.suggestion));
  const auto at_once = [&](const Variable& y, const Tensor&) { return sum(log(y - y)); };
  const auto none = find_lr(f.model, sgd, at_once, f.loader);
  CHECK(none.lr.shape() == Shape{0});
  CHECK(std::isnan(none.suggestion));
}

TEST_CASE("find_lr refuses options by their names") {
  Parabola f(1.0);
  optim::SGD sgd(f.model.parameters());
  const auto refused = [&](const train::FindLrOptions& options, const char* words) {
    CHECK_THROWS_WITH_AS(find_lr(f.model, sgd, std::cref(f), f.loader, options), Contains(words),
                         std::invalid_argument);
  };
  refused({.low = 0.0}, "find_lr: low must be > 0, got 0");
  refused({.low = 1.0, .high = 1.0}, "find_lr: high must be finite and > low = 1, got 1");
  refused({.steps = 1}, "find_lr: steps must be >= 2, got 1");
  refused({.smoothing = 1.0}, "find_lr: smoothing must be in [0, 1), got 1");
}
