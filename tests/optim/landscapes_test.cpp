// Functions for comparisons against values worked by hand, and their known minima; derivatives are in golden_test.cpp.
#include <cmath>
#include <limits>
#include <numbers>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/landscapes.hpp>
#include <ravine/optim/taylor.hpp>

namespace rv = ravine;
namespace landscapes = ravine::landscapes;
using doctest::Approx;
using doctest::Contains;
using landscapes::Landscape;
using Values = std::vector<double>;

TEST_CASE("landscapes: values by hand, in both precisions") {
  struct Row {
    std::string name;
    Values theta;
    double value;
  };
  const double e = std::numbers::e;
  const std::vector<Row> rows = {
      {"beale", {0, 0}, 14.203125},
      {"beale", {2, -1}, 6.25 + 5.0625 + 1.890625},  // -2.5, 2.25, -1.375
      {"rosenbrock", {0, 1}, 101},
      {"rosenbrock", {2, 1}, 901},
      {"himmelblau", {0, 0}, 170},
      {"himmelblau", {1, -2}, 144 + 4},
      {"booth", {0, 0}, 74},
      {"booth", {1, -1}, 64 + 16},
      {"matyas", {1, 2}, 0.34},
      {"mccormick", {0, 0}, 1},
      {"mccormick", {2, 1}, std::sin(3.0) + 1.5},
      {"three_hump_camel", {1, 2}, 2.0 - 1.05 + 1.0 / 6.0 + 2.0 + 4.0},
      {"three_hump_camel", {-2, 1}, 8.0 - 16.8 + 64.0 / 6.0 - 2.0 + 1.0},
      {"styblinski_tang", {1, -1}, -15},
      {"rastrigin", {0.5, 1}, 21.25},
      {"ackley", {1, -1}, 20.0 - 20.0 * std::exp(-0.2)},
      {"ackley", {0.5, 0.5}, 20.0 + e - 20.0 * std::exp(-0.1) - std::exp(-1.0)},
      {"saddle", {3, 2}, 5},
      {"monkey_saddle", {2, 1}, 2},
      {"ravine", {2, 1}, 27},
  };
  std::set<std::string> seen;
  for (const Landscape& landscape : landscapes::all()) {
    for (const Row& row : rows) {
      if (row.name != landscape.name) continue;
      CAPTURE(row.name);
      seen.insert(row.name);
      const rv::Variable y = landscape.f(rv::tensor(row.theta, rv::f64)), z = landscape.f(rv::tensor(row.theta));
      CHECK(y.shape() == rv::Shape{});
      CHECK(y.item() == Approx(row.value).epsilon(1e-13));
      CHECK(z.dtype() == rv::f32);
      CHECK(z.item() == Approx(row.value).epsilon(1e-5));
    }
  }
  CHECK(seen.size() == landscapes::all().size());  // none without a value, none twice
}

TEST_CASE("landscapes: three functions take any number of coordinates") {
  const auto at = [](const Values& theta) { return rv::tensor(theta, rv::f64); };
  CHECK(landscapes::styblinski_tang(at({1})).item() == -5.0);
  CHECK(landscapes::styblinski_tang(at({1, -1, 2})).item() == -15.0 + 0.5 * (16 - 64 + 10));
  CHECK(landscapes::rastrigin(at({3})).item() == Approx(9.0));
  CHECK(landscapes::rastrigin(at({1, 2, 3, 0})).item() == Approx(14.0));
  CHECK(landscapes::ackley(at({1, 1, 1, 1, 1})).item() == Approx(20.0 - 20.0 * std::exp(-0.2)));
}

TEST_CASE("landscapes: the table is consistent, and nothing in a domain lies below the minimum") {
  for (const Landscape& l : landscapes::all()) {
    CAPTURE(l.name);
    CHECK(l.dimension == 2);
    const auto inside = [&](const Values& theta) {
      REQUIRE(theta.size() == 2);
      return theta[0] > l.low[0] && theta[0] < l.high[0] && theta[1] > l.low[1] && theta[1] < l.high[1];
    };
    REQUIRE(l.low.size() == 2);
    REQUIRE(l.high.size() == 2);
    CHECK(inside(l.start));
    CHECK(l.minima.empty() == (l.minimum == -std::numeric_limits<double>::infinity()));
    for (const Values& minimum : l.minima) CHECK(inside(minimum));
    double lowest = std::numeric_limits<double>::infinity();
    constexpr int n = 40;
    for (int i = 0; i <= n; ++i)
      for (int j = 0; j <= n; ++j) {
        const double x = l.low[0] + (l.high[0] - l.low[0]) * i / n, y = l.low[1] + (l.high[1] - l.low[1]) * j / n;
        lowest = std::min(lowest, l.f(rv::tensor({x, y}, rv::f64)).item());
      }
    CHECK(lowest >= l.minimum - 1e-12);
  }
}

TEST_CASE("landscapes: at a minimum the gradient is 0 and the curvature positive") {
  for (const Landscape& l : landscapes::all())
    for (const Values& minimum : l.minima) {
      CAPTURE(l.name);
      const rv::Variable theta = rv::parameter(rv::tensor(minimum, rv::f64));
      const rv::Variable y = l.f(theta);
      CHECK(std::abs(y.item() - l.minimum) < 1e-13);
      for (const double g : rv::grad(y, {theta})[0].value().to_vector<double>()) CHECK(std::abs(g) < 1e-12);
      if (l.name == "ackley") continue;  // a kink
      CHECK(rv::min(rv::optim::symmetric_eigen(rv::hessian(l.f, theta.value())).values).item() > 0.01);
    }
}

TEST_CASE("landscapes: gradients agree with differences") {
  for (const Landscape& l : landscapes::all()) {
    CAPTURE(l.name);
    const rv::Tensor x = rv::tensor(l.start, rv::f64) + 0.13;
    const Values g = rv::jacobian(l.f, x).to_vector<double>();
    for (rv::Index i = 0; i < 2; ++i) {
      const auto moved = [&](double h) {
        rv::Tensor to = x.clone();
        to.set({i}, x.at({i}) + h);
        return l.f(to).item();
      };
      CHECK((moved(1e-5) - moved(-1e-5)) / 2e-5 == Approx(g[static_cast<std::size_t>(i)]).epsilon(1e-6));
    }
  }
}

TEST_CASE("landscapes: beale is few ops") {
  const rv::Variable theta = rv::parameter(rv::tensor({1.0, -0.5}));
  const auto before = rv::detail::thread_state.recorded;
  landscapes::beale(theta);
  CHECK(rv::detail::thread_state.recorded - before <= 20);
}

TEST_CASE("landscapes: a quadratic of any matrix") {
  rv::Tensor A = rv::tensor({{2, -1, 0}, {-1, 4, 3}, {0, 3, 8}}, rv::f64);
  const auto f = landscapes::quadratic(A);
  const rv::Tensor theta = rv::tensor({1, 2, -1}, rv::f64);
  A.fill(0.0);  // the function has its own
  CHECK(f(theta).item() == 0.5 * (2 + 16 + 8 - 2 * 1 * 2 - 2 * 3 * 2));
  CHECK(rv::jacobian(f, theta).to_vector<double>() == Values{0, 4, -2});
  CHECK(rv::hessian(f, theta).to_vector<double>() == Values{2, -1, 0, -1, 4, 3, 0, 3, 8});
  CHECK(f(theta.to(rv::f32)).dtype() == rv::f32);
  CHECK(f(theta.to(rv::f32)).item() == 5.0);

  CHECK_THROWS_WITH_AS(landscapes::quadratic(rv::ones({2, 3})), Contains("quadratic: A must be a square matrix"),
                       rv::ShapeError);
  CHECK_THROWS_AS(landscapes::quadratic(rv::ones({4})), rv::ShapeError);
  CHECK_THROWS_WITH_AS(landscapes::quadratic(rv::ones({2, 2}, rv::i64)), Contains("quadratic"), rv::DTypeError);
  CHECK_THROWS_WITH_AS(landscapes::quadratic(rv::tensor({{1, 2}, {2.5, 1}})),
                       Contains("must be symmetric, but differs from its transpose by 0.5"), std::invalid_argument);
  CHECK_THROWS_AS(landscapes::quadratic(rv::full({1, 1}, std::nan(""))), std::invalid_argument);
  landscapes::quadratic(rv::tensor({{1, 2}, {2 + 1e-7, 1}}, rv::f64));  // rounding
  CHECK_THROWS_WITH_AS(f(rv::ones({2}, rv::f64)), "quadratic: needs shape (3), got (2)", rv::ShapeError);
}

TEST_CASE("landscapes: a point that does not fit is refused by name") {
  for (const Landscape& l : landscapes::all()) {
    CAPTURE(l.name);
    const std::string name = l.name == "ravine" ? "quadratic" : l.name;
    const bool any = name == "styblinski_tang" || name == "rastrigin" || name == "ackley";
    for (const rv::Shape& shape : {rv::Shape{}, rv::Shape{2, 1}, rv::Shape{0}})
      CHECK_THROWS_WITH_AS(l.f(rv::ones(shape)), Contains((name + ": needs").c_str()), rv::ShapeError);
    if (!any) CHECK_THROWS_WITH_AS(l.f(rv::ones({3})), (name + ": needs shape (2), got (3)").c_str(), rv::ShapeError);
    CHECK_THROWS_WITH_AS(l.f(rv::ones({2}, rv::i64)), Contains(name.c_str()), rv::DTypeError);
  }
}
