// Adam against values worked by hand; whole trajectories are in golden_test.cpp.
#include <cmath>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

#include "parameter.hpp"

namespace rv = ravine;
using doctest::Approx;
using rv::optim::Adam;
using rv::optim::AdamOptions;
using Values = std::vector<double>;

namespace {

/// The parameter after updates from x with these gradients.
double after(const AdamOptions& options, double x, const Values& gradients) {
  const rv::Variable p = parameter({x});
  Adam adam({p}, options);
  for (const double g : gradients) {
    p.set_grad(rv::tensor({g}, rv::f64));
    adam.step();
  }
  return p.item();
}

}  // namespace

TEST_CASE("Adam: the first step is lr, against the gradient's sign") {
  CHECK(after({}, 1.0, {1e3}) == Approx(1.0 - 1e-3).epsilon(1e-12));
  CHECK(after({.lr = 0.5, .beta1 = 0.3, .beta2 = 0.5}, 1.0, {-1e3}) == Approx(1.5).epsilon(1e-10));
  // without correction (1 - beta1) / sqrt(1 - beta2) of it
  CHECK(after({.lr = 0.5, .eps = 0.0, .bias_correction = false}, 1.0, {1e3}) ==
        Approx(1.0 - 0.5 * 0.1 / std::sqrt(0.001)).epsilon(1e-10));
}

TEST_CASE("Adam: two steps by hand") {
  // g = 2, 4, beta1 = 1/2, beta2 = 3/4: m = 1, 5/2; v = 1, 19/4; m^ = 2, 10/3; v^ = 4, 76/7
  const AdamOptions options = {.lr = 1.0, .beta1 = 0.5, .beta2 = 0.75, .eps = 0.5};
  CHECK(after(options, 0.0, {2.0}) == Approx(-2.0 / 2.5).epsilon(1e-15));
  const double second = (10.0 / 3.0) / (std::sqrt(76.0 / 7.0) + 0.5);
  CHECK(after(options, 0.0, {2.0, 4.0}) == Approx(-2.0 / 2.5 - second).epsilon(1e-15));
  // eps under the root: 2 / sqrt(4 + 0.5)
  CHECK(after({.lr = 1.0, .beta1 = 0.5, .beta2 = 0.75, .eps = 0.5, .eps_inside = true}, 0.0, {2.0}) ==
        Approx(-2.0 / std::sqrt(4.5)).epsilon(1e-15));
  // decay is part of the gradient: g = 2 + 0.5 * 4
  CHECK(after({.lr = 1.0, .eps = 0.5, .weight_decay = 0.5}, 4.0, {2.0}) == Approx(4.0 - 4.0 / 4.5).epsilon(1e-14));
}

TEST_CASE("Adam: 0/0 counts as 0") {
  CHECK(after({.eps = 0.0}, 0.75, {0.0, 0.0}) == 0.75);
  CHECK(after({.lr = 0.5, .eps = 0.0}, 0.75, {0.0, 1.0}) < 0.75);
}

TEST_CASE("Adam: identical parameters move identically") {
  std::vector<rv::Variable> params;
  for (int i = 0; i < 6; ++i) params.push_back(parameter({1.0}));
  Adam adam(params, {.lr = 0.1});
  for (int step = 0; step < 2; ++step)
    adam.step([&] {
      rv::Variable product = params[0];
      for (std::size_t i = 1; i < params.size(); ++i) product = product * params[i];
      return rv::sum(product);
    });
  for (const rv::Variable& p : params) {
    CHECK(p.item() == params[0].item());
    CHECK(p.item() == Approx(0.8).epsilon(0.01));
  }
}

TEST_CASE("Adam: what a beta of 0 makes unnecessary is not kept, and changes nothing else") {
  const rv::Variable p = parameter({1.0, 2.0});
  const auto keys = [&](const AdamOptions& options) {
    const rv::StateDict state = Adam({p}, options).state_dict();
    return std::vector<bool>{state.contains("0.m"), state.contains("0.v")};
  };
  CHECK(keys({}) == std::vector<bool>{true, true});
  CHECK(keys({.beta1 = 0.0}) == std::vector<bool>{false, true});
  CHECK(keys({.beta2 = 0.0}) == std::vector<bool>{true, false});
  // beta1 = 0: m^ = g; v = 1, 3/4 + 4/4 * ... with beta2 = 3/4: v = 1, 19/4; v^ = 4, 76/7
  CHECK(after({.lr = 1.0, .beta1 = 0.0, .beta2 = 0.75, .eps = 0.0}, 0.0, {2.0, 4.0}) ==
        Approx(-1.0 - 4.0 / std::sqrt(76.0 / 7.0)).epsilon(1e-15));
  // both 0: sign descent
  CHECK(after({.lr = 1.0, .beta1 = 0.0, .beta2 = 0.0, .eps = 0.0}, 0.0, {2.0, -4.0, 8.0}) == -1.0);
}

TEST_CASE("Adam: describe names every option") {
  CHECK(Adam({parameter({1.0})}).describe() ==
        "Adam(lr=0.001, beta1=0.9, beta2=0.999, eps=1e-08, eps_inside=false, bias_correction=true, weight_decay=0)");
  CHECK(Adam({parameter({1.0})}, {.eps_inside = true}).describe().find("eps_inside=true") != std::string::npos);
}

TEST_CASE("Adam: the state comes back bit for bit, options and rate included") {
  rv::Generator generator(5);
  for (const rv::DType dtype : {rv::f32, rv::f64}) {
    const rv::Variable p = rv::parameter(rv::randn({70}, dtype, generator)), q = rv::parameter(p.value().clone());
    const auto loss = [](const rv::Variable& x) { return rv::sum(x * x * x * x); };
    Adam straight({p}, {.lr = 0.01, .eps_inside = true}), first({q}, {.lr = 0.01, .eps_inside = true});
    straight.set_lr_factor(0.3);
    first.set_lr_factor(0.3);
    for (int step = 0; step < 5; ++step) {
      straight.step([&] { return loss(p); });
      first.step([&] { return loss(q); });
    }
    Adam second({q});  // other options
    second.load_state_dict(first.state_dict());
    CHECK(second.steps() == 5);
    CHECK(second.lr_factor() == 0.3);
    CHECK(second.describe() == straight.describe());
    for (int step = 0; step < 5; ++step) {
      straight.step([&] { return loss(p); });
      second.step([&] { return loss(q); });
    }
    CHECK(rv::bitwise_equal(p.value(), q.value()));
  }
}

TEST_CASE("Adam: a state that does not fit is refused and changes nothing") {
  const rv::Variable p = parameter({1.0, 2.0});
  Adam adam({p}, {.lr = 0.25});
  adam.step([&] { return rv::sum(p * p); });
  const rv::StateDict good = adam.state_dict();
  CHECK(good.size() == 2 + 7 + 2);
  CHECK(good.at("steps").dtype() == rv::i64);
  CHECK(good.at("group.0.bias_correction").item() == 1.0);

  const auto refuses = [&](const char* key, const rv::Tensor& value, const char* message) {
    CAPTURE(key);
    rv::StateDict state = good;
    if (value.defined())
      state[key] = value;
    else
      state.erase(key);
    state.at("0.v") = state.at("0.v") * 2.0;  // would show if anything were taken over
    CHECK_THROWS_WITH_AS(adam.load_state_dict(state), doctest::Contains(message), std::invalid_argument);
    for (const auto& [name, tensor] : adam.state_dict()) CHECK(rv::bitwise_equal(tensor, good.at(name)));
  };
  refuses("0.m", {}, "Adam: missing 0.m");
  refuses("group.0.lr", {}, "Adam: missing group.0.lr");
  refuses("1.m", rv::zeros({2}, rv::f64), "Adam: unexpected 1.m");
  refuses("0.m", rv::zeros({3}, rv::f64), "0.m is (3), expected (2)");
  refuses("0.m", rv::zeros({2}), "0.m is f32, expected f64");
  refuses("steps", rv::scalar(-1, rv::i64), "Adam: steps must be >= 0, got -1");
  refuses("lr_factor", rv::scalar(-1, rv::f64), "Adam: lr_factor must be >= 0, got -1");
  refuses("group.0.lr", rv::scalar(-1, rv::f64), "Adam: lr must be > 0, got -1");
  refuses("group.0.eps_inside", rv::scalar(0.5, rv::f64), "Adam: eps_inside must be a whole number, got 0.5");
  refuses("group.0.eps_inside", rv::scalar(2, rv::f64), "Adam: eps_inside must be from 0 to 1, got 2");
  refuses("group.0.beta1", rv::scalar(0, rv::f64), "'m' is kept with one of them and not with the other");
}

TEST_CASE("Adam: a gradient whose square is beyond f32 stops its parameter for good, as said, and no other") {
  const rv::Variable p = rv::parameter(rv::tensor({1.0, 1.0}));
  Adam adam({p}, {.lr = 0.1});
  for (const double first : {1e30, 1.0, 1.0}) {
    p.set_grad(rv::tensor({first, 1.0}));
    adam.step();
  }
  CHECK(p.value().at({0}) == 1.0);
  CHECK(p.value().at({1}) == Approx(0.7).epsilon(1e-6));
}
