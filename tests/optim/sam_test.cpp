// SAM: where it evaluates, what happens once and what twice. The perturbation's table is in golden_test.cpp.
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
namespace optim = rv::optim;
using doctest::Approx;
using doctest::Contains;
using Params = std::vector<rv::Variable>;
using Values = std::vector<double>;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

optim::SAM sam_over_sgd(const Params& params, const optim::SAMOptions& options, double lr = 0.5) {
  return optim::SAM(std::make_unique<optim::SGD>(params, optim::SGDOptions{.lr = lr}), options);
}

Values flat(const Params& params) {
  Values all;
  for (const rv::Variable& p : params)
    for (const double x : p.value().to_vector<double>()) all.push_back(x);
  return all;
}

}  // namespace

TEST_CASE("SAM: one norm over all parameters, the gradient there, the step from here") {
  // g = (3, 0, 4) over two parameters: e = 0.5 (3, 0, 4) / 5
  const Params p = {rv::parameter(rv::tensor({1.5, 0.0}, {1, 2}, rv::f64)), rv::parameter(rv::tensor({2.0}, rv::f64))};
  optim::SAM sam = sam_over_sgd(p, {.rho = 0.5});
  std::vector<Values> seen;
  const double loss = sam.step([&] {
    seen.push_back(flat(p));
    return rv::sum(rv::square(p[0])) + rv::sum(rv::square(p[1]));
  });
  CHECK(loss == 6.25);  // at w
  REQUIRE(seen.size() == 2);
  CHECK(seen[0] == Values{1.5, 0.0, 2.0});
  CHECK(seen[1][0] == Approx(1.8).epsilon(1e-14));
  CHECK(seen[1][1] == 0.0);
  CHECK(seen[1][2] == Approx(2.4).epsilon(1e-14));
  // w - 0.5 * 2 (w + e)
  CHECK(flat(p)[0] == Approx(1.5 - 1.8).epsilon(1e-14));
  CHECK(flat(p)[2] == Approx(2.0 - 2.4).epsilon(1e-14));
  CHECK(sam.steps() == 1);
  CHECK(sam.base().steps() == 1);
}

TEST_CASE("SAM: p = 1 moves one element of all, p = infinity every one") {
  const auto moved = [](double p_norm) {
    const Params p = {rv::parameter(rv::zeros({2}, rv::f64)), rv::parameter(rv::zeros({2, 1}, rv::f64))};
    optim::SAM sam = sam_over_sgd(p, {.rho = 0.25, .p = p_norm});
    Values last;
    sam.step([&] {
      last = flat(p);
      return rv::sum(p[0] * rv::tensor({1.0, 0.0}, rv::f64)) + rv::sum(p[1] * rv::tensor({-3.0, 3.0}, {2, 1}, rv::f64));
    });
    return last;
  };
  CHECK(moved(1.0) == Values{0, 0, -0.25, 0});
  CHECK(moved(inf) == Values{0.25, 0, -0.25, 0.25});
}

TEST_CASE("SAM: gradients of 0 and of any size") {
  const rv::Variable p = rv::parameter(rv::ones({2}));
  for (const double scale : {0.0, 1e-37, 1e38})
    for (const double norm : {1.0, 1.5, 2.0, 7.0, inf}) {
      optim::SAM sam = sam_over_sgd({p}, {.rho = 0.5, .p = norm}, 1e-30);
      p.set_value(rv::zeros({2}));
      Values last;
      sam.step([&] {
        last = flat({p});
        return rv::sum(p * rv::tensor({scale, -scale}));
      });
      const double length =
          std::isinf(norm)
              ? std::max(std::abs(last[0]), std::abs(last[1]))
              : std::pow(std::pow(std::abs(last[0]), norm) + std::pow(std::abs(last[1]), norm), 1.0 / norm);
      CHECK(length == Approx(scale == 0.0 ? 0.0 : 0.5).epsilon(1e-6));
    }
}

TEST_CASE("SAM: parameters of both precisions, and gradients beyond single precision") {
  const Params p = {rv::parameter(rv::zeros({2})), rv::parameter(rv::zeros({2}, rv::f64))};
  for (const double norm : {1.0, 1.5, 2.0, inf})
    for (const double scale : {1.0, 1e-60, 1e60, 1e-200, 1e200}) {
      optim::SAM sam = sam_over_sgd(p, {.rho = 0.5, .p = norm}, 1e-300);
      Values last;
      sam.step([&] {
        last = flat(p);
        return rv::sum(p[1] * rv::tensor({scale, 0.0}, rv::f64)) + (rv::sum(p[0]) * 0.0).to(rv::f64);
      });
      CHECK(last[0] == 0.0);
      CHECK(last[1] == 0.0);
      CHECK(last[2] == Approx(0.5).epsilon(1e-12));
      CHECK(last[3] == 0.0);
      for (const rv::Variable& q : p) q.set_value(rv::zeros_like(q.value()));
    }
}

TEST_CASE("SAM: the rate factor is the base's") {
  const rv::Variable p = rv::parameter(rv::ones({2}));
  auto base = std::make_unique<optim::SGD>(Params{p}, optim::SGDOptions{.lr = 0.5});
  base->set_lr_factor(0.25);
  optim::SAM sam(std::move(base));
  CHECK(sam.lr_factor() == 0.25);
  sam.set_lr_factor(0.5);
  sam.step([&] { return rv::sum(rv::square(p)); });
  CHECK(sam.base().lr_factor() == 0.5);
}

TEST_CASE("SAM: the same random numbers in both evaluations, running statistics once") {
  rv::manual_seed(3);
  rv::nn::BatchNorm1d norm(3), alone(3);
  rv::nn::Dropout dropout(0.5);
  rv::nn::Linear linear(3, 3);
  const rv::Tensor x = rv::randn({8, 3});
  Params params = linear.parameters();
  optim::SAM sam = sam_over_sgd(params, {.rho = 0.5}, 0.01);
  std::vector<Values> masks;
  rv::manual_seed(7);
  sam.step([&] {
    const rv::Variable mask = dropout(rv::ones({8, 3}));
    masks.push_back(mask.value().to_vector<double>());
    norm(rv::Variable(x));  // of the same rows: its statistics must move once
    return rv::mean(rv::square(linear(x) * mask));
  });
  REQUIRE(masks.size() == 2);
  CHECK(masks[0] == masks[1]);
  alone(rv::Variable(x));
  CHECK(rv::bitwise_equal(norm.running_mean.value(), alone.running_mean.value()));
  CHECK(rv::bitwise_equal(norm.running_var.value(), alone.running_var.value()));
  // and the generator goes on from where one evaluation leaves it
  const auto position = rv::default_generator().position();
  rv::manual_seed(7);
  dropout(rv::ones({8, 3}));
  CHECK(rv::default_generator().position() == position);
  CHECK(!rv::reevaluating());
}

TEST_CASE("SAM: callbacks run on both gradients; the base's on the second") {
  const rv::Variable p = rv::parameter(rv::tensor({1.0}, rv::f64));
  optim::SAM sam = sam_over_sgd({p}, {.rho = 0.5});
  Values seen, seen_by_base;
  sam.on_gradients([&](const Params& params) { seen.push_back(params[0].grad().item()); });
  sam.base().on_gradients([&](const Params& params) { seen_by_base.push_back(params[0].grad().item()); });
  sam.step([&] { return rv::sum(rv::square(p)); });
  CHECK(seen == Values{2.0, 3.0});
  CHECK(seen_by_base == Values{3.0});
}

TEST_CASE("SAM: when the second evaluation throws, nothing has changed") {
  const rv::Variable p = rv::parameter(rv::tensor({1.0, 2.0}, rv::f64));
  optim::SAM sam(std::make_unique<optim::Adam>(Params{p}), {});
  sam.step([&] { return rv::sum(rv::square(p)); });
  p.set_value(rv::tensor({1.0, 2.0}, rv::f64));
  const rv::StateDict before = sam.state_dict();
  int calls = 0;
  CHECK_THROWS_AS(sam.step([&]() -> rv::Variable {
    if (++calls == 2) throw std::runtime_error("second");
    return rv::sum(rv::square(p));
  }),
                  std::runtime_error);
  CHECK(p.value().to_vector<double>() == Values{1, 2});
  CHECK(sam.steps() == 1);
  CHECK(!rv::reevaluating());
  for (const auto& [key, value] : sam.state_dict()) CHECK(rv::bitwise_equal(value, before.at(key)));
}

TEST_CASE("SAM: a base is needed, and one that evaluates the loss itself is refused") {
  const rv::Variable p = rv::parameter(rv::ones({2}));
  CHECK_THROWS_WITH_AS(optim::SAM(nullptr), "SAM: needs a base optimizer, got none", std::invalid_argument);
  CHECK_THROWS_WITH_AS(optim::SAM(std::make_unique<optim::AdaHessian>(Params{p})), Contains("AdaHessian(lr=0.15"),
                       std::invalid_argument);
  const optim::SGDOptions lookahead = {.momentum = 0.9, .nesterov = optim::Nesterov::lookahead};
  CHECK_THROWS_AS(optim::SAM(std::make_unique<optim::SGD>(Params{p}, lookahead)), std::invalid_argument);
  optim::SAM sam(std::make_unique<optim::SGD>(Params{p}, optim::SGDOptions{.momentum = 0.9}));
  rv::StateDict state = sam.state_dict();
  state["base.group.0.nesterov"] = rv::scalar(1.0, rv::f64);
  CHECK_THROWS_AS(sam.load_state_dict(state), std::invalid_argument);
  CHECK_NOTHROW(sam.step([&] { return rv::sum(rv::square(p)); }));
}

TEST_CASE("SAM: describes itself and its base; a state that does not fit changes neither") {
  const rv::Variable p = rv::parameter(rv::ones({2}));
  const auto make = [&] {
    return optim::SAM(std::make_unique<optim::Adam>(Params{p}, optim::AdamOptions{.lr = 0.5}), {.rho = 0.125});
  };
  optim::SAM sam = make();
  CHECK(sam.describe().starts_with("SAM(rho=0.125, p=2) over Adam(lr=0.5, "));
  sam.step([&] { return rv::sum(rv::square(p)); });
  const rv::StateDict state = sam.state_dict();
  CHECK(state.at("base.steps").item() == 1);
  CHECK(state.at("base.0.m").shape() == rv::Shape{2});
  for (const char* key : {"group.0.rho", "base.0.v", "base.steps"}) {
    optim::SAM other = make();
    rv::StateDict broken = state;
    broken.erase(key);
    CHECK_THROWS_WITH_AS(other.load_state_dict(broken), Contains("missing"), std::invalid_argument);
    if (std::string(key) == "base.0.v")
      CHECK_THROWS_WITH_AS(other.load_state_dict(broken), Contains("SAM: the state under \"base.\": Adam: missing"),
                           std::invalid_argument);
    CHECK(other.steps() == 0);
    CHECK(other.base().steps() == 0);
  }
}
