// SGD's forms against values worked by hand; whole trajectories are in golden_test.cpp.
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

#include "parameter.hpp"

namespace rv = ravine;
using doctest::Contains;
using rv::optim::MomentumForm;
using rv::optim::Nesterov;
using rv::optim::SGD;
using rv::optim::SGDOptions;
using Values = std::vector<double>;

namespace {

/// The parameter after each of some updates of 1/2 x^2 from x = 1, with the learning-rate factors given.
Values descend(const SGDOptions& options, const Values& factors) {
  const rv::Variable x = parameter({1.0});
  SGD sgd({x}, options);
  Values path;
  for (const double factor : factors) {
    sgd.set_lr_factor(factor);
    sgd.step([&] { return 0.5 * rv::sum(x * x); });
    path.push_back(x.item());
  }
  return path;
}

constexpr auto velocity = MomentumForm::velocity;

}  // namespace

TEST_CASE("SGD: each form, by hand") {  // powers of two: exact
  CHECK(descend({.lr = 0.5}, {1, 1}) == Values{0.5, 0.25});
  CHECK(descend({.lr = 0.5, .weight_decay = 0.5}, {1, 1}) == Values{0.25, 0.0625});
  // b = 1, x = 0.5; b = 0.5 + 0.5 = 1, x = 0
  CHECK(descend({.lr = 0.5, .momentum = 0.5}, {1, 1}) == Values{0.5, 0.0});
  // b = 0.5, x = 0.75; b = 0.25 + 0.375 = 0.625, x = 0.4375
  CHECK(descend({.lr = 0.5, .momentum = 0.5, .dampening = 0.5}, {1, 1}) == Values{0.75, 0.4375});
  // The rate halves: b = 1, x = 0.5; b = 1, x = 0.25. v = -0.5, x = 0.5; v = -0.25 - 0.125, x = 0.125
  CHECK(descend({.lr = 0.5, .momentum = 0.5}, {1, 0.5}) == Values{0.5, 0.25});
  CHECK(descend({.lr = 0.5, .momentum = 0.5, .form = velocity}, {1, 0.5}) == Values{0.5, 0.125});
  // The rate halves: v = -0.5, x = 0.5; g at 0.25: v = -0.25 - 0.0625, x = 0.1875
  CHECK(descend({.lr = 0.5, .momentum = 0.5, .form = velocity, .nesterov = Nesterov::lookahead}, {1, 0.5}) ==
        Values{0.5, 0.1875});
  // b = 1, x = 0.5; g at 0.5 - 0.25 * 0.5 * 1 = 0.375: b = 0.875, x = 0.5 - 0.21875
  CHECK(descend({.lr = 0.5, .momentum = 0.5, .nesterov = Nesterov::lookahead}, {1, 0.5}) == Values{0.5, 0.28125});
  // v = -0.5, phi = 1 - 0.25 - 0.5; v = -0.25 - 0.0625, phi = 0.25 - 0.15625 - 0.0625
  CHECK(descend({.lr = 0.5, .momentum = 0.5, .form = velocity, .nesterov = Nesterov::reparam}, {1, 0.5}) ==
        Values{0.25, 0.03125});
  // b = 1, phi = 1 - 0.5 * 1.5; b = 0.75, phi = 0.25 - 0.25 * (0.25 + 0.375)
  CHECK(descend({.lr = 0.5, .momentum = 0.5, .nesterov = Nesterov::reparam}, {1, 0.5}) == Values{0.25, 0.09375});
}

TEST_CASE("SGD: look-ahead evaluates ahead, decay included, and comes back exactly") {
  const rv::Variable x = parameter({0.1});
  SGD sgd({x}, {.lr = 0.3, .momentum = 0.7, .form = velocity, .nesterov = Nesterov::lookahead, .weight_decay = 0.5});
  double v = 0.0, theta = 0.1;
  for (int step = 0; step < 4; ++step) {
    const double ahead = theta + 0.7 * v;
    const double loss = sgd.step([&] {
      CHECK(x.item() == doctest::Approx(ahead).epsilon(1e-15));
      return rv::sum(3.0 * x);
    });
    CHECK(loss == doctest::Approx(3.0 * ahead).epsilon(1e-14));
    v = 0.7 * v - 0.3 * (3.0 + 0.5 * ahead);
    theta += v;
    CHECK(x.item() == doctest::Approx(theta).epsilon(1e-14));
  }
}

TEST_CASE("SGD: only the groups that look ahead are moved for it") {
  const rv::Variable a = parameter({1.0}), b = parameter({1.0}), c = parameter({1.0});
  SGD sgd({{{a}, {.lr = 0.5, .momentum = 0.5, .nesterov = Nesterov::lookahead}},
           {{b}, {.lr = 0.5, .momentum = 0.5}},
           {{c}, {.lr = 0.5}}});
  const auto loss = [&] { return rv::sum(a) + rv::sum(b) + rv::sum(c); };
  sgd.step(loss);
  sgd.step([&] {
    CHECK(a.item() == 0.25);
    CHECK(b.item() == 0.5);
    CHECK(c.item() == 0.5);
    return loss();
  });
  CHECK_THROWS_WITH_AS(sgd.step(), Contains("SGD: step() needs a closure"), std::logic_error);
}

TEST_CASE("SGD: no momentum, no memory") {
  const rv::StateDict state = SGD({parameter({1.0})}).state_dict();
  CHECK(state.size() == 6 + 2);  // options, steps, lr_factor
  CHECK(!state.contains("0.momentum"));
  CHECK(SGD({parameter({1.0})}, {.momentum = 0.5}).state_dict().contains("0.momentum"));
}

TEST_CASE("SGD: an initial velocity goes in through the state") {
  const rv::Variable x = parameter({1.0, 2.0});
  SGD sgd({x}, {.lr = 0.5, .momentum = 0.5, .form = velocity});
  rv::StateDict state = sgd.state_dict();
  state.at("0.momentum") = rv::tensor({4.0, -8.0}, rv::f64);
  sgd.load_state_dict(state);
  sgd.step([&] { return rv::sum(x); });
  CHECK(x.value().to_vector<double>() == Values{1.0 + 1.5, 2.0 - 4.5});
  CHECK(state.at("0.momentum").to_vector<double>() == Values{4.0, -8.0});  // a copy went in
}

TEST_CASE("SGD: options that make no sense together are refused") {
  const auto refuses = [](const SGDOptions& options, const char* message) {
    CHECK_THROWS_WITH_AS(SGD({parameter({1.0})}, options), message, std::invalid_argument);
  };
  refuses({.nesterov = Nesterov::reparam}, "SGD: nesterov needs momentum > 0");
  refuses({.dampening = 0.5}, "SGD: dampening needs momentum > 0");
  refuses({.momentum = 0.9, .form = velocity, .dampening = 0.5}, "SGD: dampening is not defined for form=velocity");
  refuses({.momentum = 0.9, .nesterov = Nesterov::lookahead, .dampening = 0.5},
          "SGD: dampening is not defined with nesterov");
  refuses({.momentum = 1.0}, "SGD: momentum must be in [0, 1), got 1");
  refuses({.form = static_cast<MomentumForm>(2)}, "SGD: form must be from 0 to 1, got 2");
}

TEST_CASE("SGD: describe names every option") {
  CHECK(SGD({parameter({1.0})}, {.lr = 0.005, .momentum = 0.9, .form = velocity, .nesterov = Nesterov::lookahead})
            .describe() ==
        "SGD(lr=0.005, momentum=0.9, form=velocity, nesterov=lookahead, dampening=0, weight_decay=0)");
}

TEST_CASE("SGD: large parameters, shared out to threads, get the bits of small ones") {
  const rv::Index n = 3 * 16384 + 77;
  rv::Generator generator(3);
  for (const rv::DType dtype : {rv::f32, rv::f64}) {
    const rv::Tensor start = rv::randn({n}, dtype, generator), weights = rv::randn({n}, dtype, generator);
    const rv::Variable whole = rv::parameter(start.clone());
    std::vector<rv::Variable> parts;
    for (rv::Index begin = 0; begin < n; begin += 999)
      parts.push_back(rv::parameter(start.slice(0, begin, std::min(n, begin + 999)).clone()));
    const SGDOptions options = {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01};
    SGD one({whole}, options), many(parts, options);
    for (int step = 0; step < 3; ++step) {
      one.step([&] { return rv::sum(whole * weights); });
      many.step([&] { return rv::sum(rv::concat(parts, 0) * weights); });
    }
    CHECK(rv::bitwise_equal(whole.value(), rv::concat(parts, 0).value()));
  }
}
