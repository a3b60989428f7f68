#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/data/toy.hpp>

using namespace ravine;
using data::TensorDataset;
using doctest::Approx;
using doctest::Contains;

constexpr double pi = std::numbers::pi;

static void check_shapes(const TensorDataset& set, const Shape& inputs, const Shape& targets, DType target_type) {
  CHECK(set.inputs().shape() == inputs);
  CHECK(set.inputs().dtype() == f32);
  CHECK(set.targets().shape() == targets);
  CHECK(set.targets().dtype() == target_type);
}

static Index count(const Tensor& targets, Index target) {
  const auto values = targets.to_vector<Index>();
  return std::count(values.begin(), values.end(), target);
}

// Standard deviation of the difference that noise makes in a set that is otherwise the same.
static double noise_of(const Tensor& noisy, const Tensor& clean) {
  return std::sqrt(var(noisy.to(f64) - clean.to(f64)).item());
}

TEST_CASE("make_regression is a plane") {
  Generator a(1), b(1);
  const auto set = data::make_regression(500, 2, 0.0, a);
  check_shapes(set, {500, 2}, {500, 1}, f32);
  // Four points of a plane: the fourth follows from the other three.
  const auto x = set.inputs().to_vector<double>(), y = set.targets().to_vector<double>();
  const double det = (x[2] - x[0]) * (x[5] - x[1]) - (x[3] - x[1]) * (x[4] - x[0]);
  const double w0 = ((y[1] - y[0]) * (x[5] - x[1]) - (x[3] - x[1]) * (y[2] - y[0])) / det;
  const double w1 = ((x[2] - x[0]) * (y[2] - y[0]) - (y[1] - y[0]) * (x[4] - x[0])) / det;
  for (const std::size_t i : {3u, 100u, 499u})
    CHECK(y[i] == Approx(y[0] + w0 * (x[2 * i] - x[0]) + w1 * (x[2 * i + 1] - x[1])).epsilon(1e-3));
  const auto noisy = data::make_regression(500, 2, 0.5, b);
  CHECK(bitwise_equal(noisy.inputs(), set.inputs()));
  CHECK(noise_of(noisy.targets(), set.targets()) == Approx(0.5).epsilon(0.15));
}

TEST_CASE("friedman1 is its formula") {
  Generator a(2), b(2);
  const auto set = data::friedman1(400, 0.0, a);
  check_shapes(set, {400, 10}, {400, 1}, f32);
  CHECK(min(set.inputs()).item() >= 0.0);
  CHECK(max(set.inputs()).item() <= 1.0);
  for (const Index i : {0, 57, 399}) {
    const auto x = set.inputs()[i].to_vector<double>();
    const double y = 10 * std::sin(pi * x[0] * x[1]) + 20 * (x[2] - 0.5) * (x[2] - 0.5) + 10 * x[3] + 5 * x[4];
    CHECK(set.targets().at({i, 0}) == Approx(y).epsilon(1e-5));
  }
  CHECK(noise_of(data::friedman1(400, 1.0, b).targets(), set.targets()) == Approx(1.0).epsilon(0.15));
}

TEST_CASE("sine is a sine over one period") {
  Generator generator(3);
  const auto set = data::sine(300, 0.0, generator);
  check_shapes(set, {300, 1}, {300, 1}, f32);
  CHECK(min(set.inputs()).item() < -3.0);
  CHECK(max(set.inputs()).item() > 3.0);
  for (const Index i : {0, 299})
    CHECK(set.targets().at({i, 0}) == Approx(std::sin(set.inputs().at({i, 0}))).epsilon(1e-5));
}

TEST_CASE("two_moons are two half circles") {
  Generator generator(4);
  const auto set = data::two_moons(301, 0.0, generator);
  check_shapes(set, {301, 2}, {301}, i64);
  CHECK(count(set.targets(), 0) == 151);
  CHECK(count(set.targets(), 1) == 150);
  for (Index i = 0; i < 301; ++i) {
    const bool upper = set.targets().at({i}) == 0.0;
    const double x = set.inputs().at({i, 0}) - (upper ? 0.0 : 1.0), y = set.inputs().at({i, 1}) - (upper ? 0.0 : 0.5);
    CHECK(x * x + y * y == Approx(1.0).epsilon(1e-5));
    CHECK((upper ? y : -y) >= -1e-6);
  }
}

TEST_CASE("spirals wind once, an arm for each class") {
  Generator generator(5);
  const auto set = data::spirals(50, 3, 0.0, generator);
  check_shapes(set, {150, 2}, {150}, i64);
  for (const Index c : {0, 1, 2}) CHECK(count(set.targets(), c) == 50);
  for (Index i = 0; i < 150; ++i) {
    const double x = set.inputs().at({i, 0}), y = set.inputs().at({i, 1}), r = std::hypot(x, y);
    const double angle = 2 * pi * (r + set.targets().at({i}) / 3);
    CHECK(std::abs(x - r * std::cos(angle)) < 1e-5);
    CHECK(std::abs(y - r * std::sin(angle)) < 1e-5);
  }
}

TEST_CASE("circles lie in each other") {
  Generator a(6), b(6);
  const auto set = data::circles(200, 0.0, a);
  check_shapes(set, {200, 2}, {200}, i64);
  for (Index i = 0; i < 200; ++i)
    CHECK(std::hypot(set.inputs().at({i, 0}), set.inputs().at({i, 1})) ==
          Approx(set.targets().at({i}) == 0.0 ? 1.0 : 0.5).epsilon(1e-5));
  CHECK(noise_of(data::circles(200, 0.05, b).inputs(), set.inputs()) == Approx(0.05).epsilon(0.15));
}

TEST_CASE("blobs lie around their centres") {
  Generator generator(7);
  const auto set = data::blobs(4000, 4, 1.0, generator);
  check_shapes(set, {4000, 2}, {4000}, i64);
  double x = 0.0, y = 0.0;
  for (Index i = 1; i < 4000; i += 4) {  // class 1, at (0, 5)
    CHECK(set.targets().at({i}) == 1.0);
    x += set.inputs().at({i, 0}) / 1000;
    y += set.inputs().at({i, 1}) / 1000;
  }
  CHECK(std::abs(x) < 0.15);
  CHECK(std::abs(y - 5.0) < 0.15);
}

TEST_CASE("toy sets repeat with the generator") {
  Generator a(8), b(8);
  const auto one = data::spirals(20, 2, 0.1, a), two = data::spirals(20, 2, 0.1, b);
  CHECK(bitwise_equal(one.inputs(), two.inputs()));
  CHECK_FALSE(bitwise_equal(one.inputs(), data::spirals(20, 2, 0.1, a).inputs()));
}

TEST_CASE("toy sets refuse impossible sizes and noise, by name") {
  CHECK_THROWS_WITH_AS(data::friedman1(0), Contains("friedman1: needs counts >= 1 and noise >= 0, got n = 0"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::make_regression(5, 0), Contains("make_regression"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::sine(5, -0.5), Contains("noise = -0.5"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::two_moons(-1), Contains("two_moons"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::spirals(5, 0), Contains("spirals"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::circles(0), Contains("circles"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(data::blobs(5, -2), Contains("blobs"), std::invalid_argument);
}
