// L-BFGS: convergence, the conditions of its line search, and what happens when a loss misbehaves.
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
namespace optim = rv::optim;
using optim::LBFGS;
using Values = std::vector<double>;

namespace {

rv::Variable rosenbrock(const rv::Variable& x) {
  return rv::square(1.0 - x[0]) + 100.0 * rv::square(x[1] - rv::square(x[0]));
}

}  // namespace

TEST_CASE("LBFGS: Rosenbrock to the bottom in a few dozen evaluations") {
  const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
  LBFGS lbfgs({x}, {.max_iterations = 100});
  int evaluations = 0;
  lbfgs.step([&] {
    ++evaluations;
    return rosenbrock(x);
  });
  CHECK(rosenbrock(x).item() < 1e-15);
  CHECK(evaluations < 80);
  CHECK(lbfgs.steps() == 1);
}

TEST_CASE("LBFGS: an ill-conditioned quadratic over parameters of two shapes") {
  const rv::Variable a = rv::parameter(rv::ones({2, 3}, rv::f64)), b = rv::parameter(rv::ones({2}, rv::f64));
  const rv::Tensor scale = rv::tensor({1.0, 10.0, 100.0, 1000.0, 0.1, 5.0}, {2, 3}, rv::f64);
  LBFGS lbfgs({a, b}, {.max_iterations = 200, .relative_change_tolerance = 0.0});
  const auto loss = [&] {
    return rv::sum(scale * rv::square(a - 2.0)) + rv::sum(rv::square(b)) + rv::square(rv::sum(a) - rv::sum(b));
  };
  const double first = loss().item();
  CHECK(lbfgs.step(loss) == first);
  const auto g = rv::grad(loss(), {a, b});
  CHECK(rv::max(rv::abs(g[0].value())).item() < 1e-6);
  CHECK(rv::max(rv::abs(g[1].value())).item() < 1e-6);
}

TEST_CASE("LBFGS: every iteration's point satisfies the strong Wolfe conditions") {
  const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
  LBFGS lbfgs({x}, {.max_iterations = 1});
  const auto gradient = [&] { return rv::grad(rosenbrock(x), {x})[0].value(); };
  const auto dot = [](const rv::Tensor& a, const rv::Tensor& b) { return rv::sum(a * b).item(); };
  for (int t = 0; t < 25; ++t) {
    const rv::Tensor from = x.value().clone(), g = gradient();
    const double f = lbfgs.step([&] { return rosenbrock(x); });
    const rv::Tensor s = x.value() - from, h = gradient();
    const double slope = dot(g, s);  // times the step's length, as both sides are
    REQUIRE(slope < 0.0);
    CHECK(rosenbrock(x).item() <= f + 1e-4 * slope);
    CHECK(std::abs(dot(h, s)) <= -0.9 * slope * (1.0 + 1e-12));
  }
}

TEST_CASE("LBFGS: goes back where the loss is not finite, and stays where there is nothing better") {
  // log(x) is NaN below 0; a first step of -10 from 1 would be there
  const rv::Variable x = rv::parameter(rv::tensor({0.1}, rv::f64));
  LBFGS lbfgs({x}, {.lr = 10.0});
  for (int t = 0; t < 5; ++t) lbfgs.step([&] { return rv::sum(x - rv::log(x)); });
  CHECK(x.item() == doctest::Approx(1.0).epsilon(1e-6));

  const double nan = std::numeric_limits<double>::quiet_NaN();
  const rv::Variable y = rv::parameter(rv::tensor({0.5, 1.0}, rv::f64));
  LBFGS of_nan({y});
  CHECK(std::isnan(of_nan.step([&] { return rv::sum(y * nan); })));
  CHECK(y.value().to_vector<double>() == Values{0.5, 1.0});

  const rv::Variable z = rv::parameter(rv::tensor({0.0}, rv::f64));
  LBFGS at_minimum({z});
  int evaluations = 0;
  at_minimum.step([&] {
    ++evaluations;
    return rv::sum(rv::square(z));
  });
  CHECK(evaluations == 1);
}

TEST_CASE("LBFGS: an infinite gradient moves nothing; a rate of 0 costs one evaluation") {
  const rv::Variable x = rv::parameter(rv::tensor({0.0, 1.0, -0.0}, rv::f64));
  LBFGS of_infinity({x});
  of_infinity.step([&] { return rv::sum(rv::sqrt(rv::abs(x))); });
  CHECK(rv::bitwise_equal(x.value(), rv::tensor({0.0, 1.0, -0.0}, rv::f64)));

  LBFGS still({x});
  still.set_lr_factor(0.0);
  int evaluations = 0;
  still.step([&] {
    ++evaluations;
    return rv::sum(rv::square(x - 1.0));
  });
  CHECK(evaluations == 1);
  CHECK(rv::bitwise_equal(x.value(), rv::tensor({0.0, 1.0, -0.0}, rv::f64)));
}

TEST_CASE("LBFGS: every evaluation of a step sees the same random numbers, the next step others") {
  const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
  LBFGS lbfgs({x}, {.max_iterations = 3});
  std::vector<Values> steps(2);
  for (Values& draws : steps)
    lbfgs.step([&] {
      draws.push_back(rv::uniform({}, 0.0, 1.0, rv::f64).item());
      return rosenbrock(x);
    });
  for (const Values& draws : steps) {
    CHECK(draws.size() > 2);
    for (const double draw : draws) CHECK(draw == draws[0]);
  }
  CHECK(steps[0][0] != steps[1][0]);
}

TEST_CASE("LBFGS: the scale of the loss does not matter") {
  for (const rv::DType dtype : {rv::f32, rv::f64})
    for (const double scale : {1e-3, 1.0, 1e20}) {
      const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, dtype));
      LBFGS lbfgs({x}, {.max_iterations = 200, .relative_gradient_tolerance = 0.0, .relative_change_tolerance = 0.0});
      int evaluations = 0;
      lbfgs.step([&] {
        ++evaluations;
        return rosenbrock(x) * scale;
      });
      CAPTURE(scale);
      CHECK(rosenbrock(x).item() < (dtype == rv::f32 ? 1e-9 : 1e-18));
    }
}

TEST_CASE("LBFGS: a loss without a lower bound ends after the evaluations it may take") {
  const rv::Variable x = rv::parameter(rv::tensor({1.0}, rv::f64));
  LBFGS lbfgs({x}, {.max_iterations = 1, .max_evaluations = 7});
  int evaluations = 0;
  lbfgs.step([&] {
    ++evaluations;
    return -rv::sum(x);
  });
  CHECK(evaluations == 8);
  CHECK(x.item() > 60.0);
}

TEST_CASE("LBFGS: when the closure throws, the parameters are as before") {
  const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
  LBFGS lbfgs({x});
  int evaluations = 0;
  CHECK_THROWS_AS(lbfgs.step([&]() -> rv::Variable {
    if (++evaluations == 9) throw std::runtime_error("ninth");
    return rosenbrock(x);
  }),
                  std::runtime_error);
  CHECK(x.value().to_vector<double>() == Values{-1.2, 1.0});
  CHECK(lbfgs.steps() == 0);
}

namespace {

/// Steps until one says why it stopped, 30 at the most; the word, and the evaluations of the last step.
struct End {
  std::string reason;
  int evaluations;
};
End run(LBFGS& lbfgs, const std::function<rv::Variable()>& loss) {
  for (int t = 0; t < 30; ++t) {
    int evaluations = 0;
    lbfgs.step([&] {
      ++evaluations;
      return loss();
    });
    if (lbfgs.stopped()) return {lbfgs.stopped(), evaluations};
  }
  return {"", 0};
}

}  // namespace

TEST_CASE("LBFGS: says why it stopped") {
  const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
  LBFGS one({x}, {.max_iterations = 1});
  CHECK(one.stopped() == nullptr);
  one.step([&] { return rosenbrock(x); });
  CHECK(one.stopped() == nullptr);
  CHECK(run(one, [&] { return rosenbrock(x) + 3.0; }).reason == "");  // too few iterations yet
  const auto reason = [](const optim::LBFGSOptions& options, auto loss) {
    const rv::Variable y = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
    LBFGS lbfgs({y}, options);
    return run(lbfgs, [&] { return loss(y); }).reason;
  };
  CHECK(reason({.gradient_tolerance = 1e-3}, rosenbrock) == "gradient_tolerance");
  CHECK(reason({.relative_gradient_tolerance = 1e-3}, rosenbrock) == "gradient_tolerance");
  CHECK(reason({.change_tolerance = 1e-3}, rosenbrock) == "change_tolerance");
  CHECK(reason({.relative_change_tolerance = 0.1}, [](const auto& y) { return rosenbrock(y) + 1.0; }) ==
        "change_tolerance");
  CHECK(reason({}, [](const auto& y) { return rv::sum(rv::log(y)); }) == "not_finite");
  CHECK(reason({}, [](const auto& y) { return rv::sum(rv::sqrt(rv::abs(y - 1.0))); }) == "not_finite");
  CHECK(reason({}, [](const auto& y) { return rv::sum(rv::square(y * 0.0)); }) == "gradient_tolerance");
  CHECK(reason({.max_evaluations = 1}, [](const auto& y) { return rosenbrock(y * 100.0); }) == "line_search");
}

TEST_CASE("LBFGS: a problem that is scaled is solved as well as it was, with defaults") {
  for (const double scale : {1e-60, 1e-30, 1e-18, 1e-15, 1e-12, 1e-9, 1.0, 1e12, 1e60}) {
    CAPTURE(scale);
    const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
    LBFGS lbfgs({x});
    CHECK(run(lbfgs, [&] { return rosenbrock(x) * scale; }).reason != "");
    CHECK(rosenbrock(x).item() < 1e-15);
  }
}

TEST_CASE("LBFGS: where only rounding is left, a line search ends at once") {
  for (const rv::DType dtype : {rv::f32, rv::f64})
    for (const double scale : {1e-6, 1.0, 1e6}) {
      CAPTURE(scale);
      const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, dtype));
      LBFGS lbfgs({x}, {.relative_gradient_tolerance = 0.0, .relative_change_tolerance = 0.0});
      // its minimum is 10, so that rounding hides the last digits of x
      const auto loss = [&] { return (rosenbrock(x) + 10.0) * scale; };
      CHECK(run(lbfgs, loss).reason != "");
      int evaluations = 0;
      for (int t = 0; t < 3; ++t)
        lbfgs.step([&] {
          ++evaluations;
          return loss();
        });
      CHECK(evaluations <= 9);
      CHECK(rosenbrock(x).item() < (dtype == rv::f32 ? 1e-5 : 1e-14));
    }
}

TEST_CASE("LBFGS: the first gradient is the measure for all steps, also after a reload") {
  const auto finish = [](bool reload) {
    const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
    const optim::LBFGSOptions options{.max_iterations = 1, .relative_gradient_tolerance = 1e-4};
    auto lbfgs = std::make_unique<LBFGS>(std::vector{x}, options);
    for (int t = 0; t < 200 && !lbfgs->stopped(); ++t) {
      if (reload) {
        const rv::StateDict state = lbfgs->state_dict();
        lbfgs = std::make_unique<LBFGS>(std::vector{x}, options);
        lbfgs->load_state_dict(state);
      }
      lbfgs->step([&] { return rosenbrock(x); });
    }
    CHECK(std::string(lbfgs->stopped()) == "gradient_tolerance");
    CHECK(rv::max(rv::abs(rv::grad(rosenbrock(x), {x})[0].value())).item() < 1e-4 * 232.8);
    return lbfgs->steps();
  };
  CHECK(finish(true) == finish(false));
}

TEST_CASE("LBFGS: loads the states of before there were relative tolerances") {
  const rv::Variable x = rv::parameter(rv::tensor({-1.2, 1.0}, rv::f64));
  LBFGS before({x}, {.max_iterations = 3, .gradient_tolerance = 1e-7});
  before.step([&] { return rosenbrock(x); });
  rv::StateDict state = before.state_dict();
  const std::vector added = {"start_gradient", "group.0.relative_gradient_tolerance",
                             "group.0.relative_change_tolerance"};
  for (const char* key : added) REQUIRE(state.erase(key) == 1);

  LBFGS after({x});
  after.load_state_dict(state);
  const rv::StateDict loaded = after.state_dict();
  for (const char* key : added) CHECK(loaded.at(key).item() == 0.0);
  CHECK(loaded.at("group.0.gradient_tolerance").item() == 1e-7);
  CHECK(loaded.at("pairs").item() == before.state_dict().at("pairs").item());

  state.erase("group.0.lr");
  CHECK_THROWS_WITH_AS(after.load_state_dict(state), doctest::Contains("missing group.0.lr"), std::invalid_argument);
}

TEST_CASE("LBFGS: a state without its first gradient takes the next one as the measure") {
  const rv::Variable x = rv::parameter(rv::tensor({1.0, 2.0}, rv::f64));
  const auto loss = [&] { return rv::sum(rv::square(x)); };
  LBFGS lbfgs({x}, {.relative_gradient_tolerance = 0.1});
  x.set_value(rv::tensor({100.0, 200.0}, rv::f64));
  lbfgs.step(loss);  // whose gradient of up to 400 is the measure from now on
  x.set_value(rv::tensor({1.0, 2.0}, rv::f64));
  rv::StateDict state = lbfgs.state_dict();
  CHECK(state.at("start_gradient").item() == 400.0);
  lbfgs.step(loss);
  CHECK(std::string(lbfgs.stopped()) == "gradient_tolerance");
  CHECK(x.value().to_vector<double>() == Values{1.0, 2.0});  // 4 is little beside it

  REQUIRE(state.erase("start_gradient") == 1);
  lbfgs.load_state_dict(state);
  CHECK(lbfgs.state_dict().at("start_gradient").item() == 0.0);
  lbfgs.step(loss);
  CHECK(x.value().to_vector<double>() != Values{1.0, 2.0});
  CHECK(lbfgs.state_dict().at("start_gradient").item() == 4.0);
}
