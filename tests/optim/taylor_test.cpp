// Taylor polynomials, eigenvalues and the kinds of critical points.
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>
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
using rv::optim::classify_critical_point;
using rv::optim::CriticalPoint;
using rv::optim::symmetric_eigen;
using rv::optim::taylor;
using rv::optim::Taylor;
using Values = std::vector<double>;

namespace {

rv::Tensor point(std::initializer_list<rv::Scalar> values) { return rv::tensor(values, rv::f64); }

/// x^3 + 2xy^2 - y.
rv::Variable cubic(const rv::Variable& theta) {
  const rv::Variable x = theta[0], y = theta[1];
  return x * x * x + 2.0 * x * y * y - y;
}

template <class F>
CriticalPoint kind(F f, const rv::Tensor& theta, double tolerance = 1e-6) {
  return classify_critical_point(taylor(f, theta), tolerance);
}

}  // namespace

TEST_CASE("taylor: a cubic by hand, in both precisions") {
  for (const rv::DType dtype : {rv::f64, rv::f32}) {
    const Taylor t = taylor(cubic, rv::tensor({1, 2}, dtype));
    CHECK(t.value == 7.0);
    CHECK(t.point.to_vector<double>() == Values{1, 2});
    CHECK(t.gradient.to_vector<double>() == Values{11, 7});
    CHECK(t.hessian.to_vector<double>() == Values{6, 8, 8, 4});
    CHECK(t.hessian.dtype() == dtype);
    const rv::Tensor at = rv::tensor({1.5, 1}, dtype);  // d = (1/2, -1)
    CHECK(t.first_order(at) == 7.0 + 5.5 - 7.0);
    CHECK(t.second_order(at) == 5.5 + 0.5 * (6 * 0.25 - 2 * 8 * 0.5 + 4));
    CHECK(t.first_order(t.point) == 7.0);
    CHECK(t.second_order(t.point) == 7.0);
  }
  // a model in f32 would round 2^30 + 1
  const Taylor t = taylor([](const rv::Variable& x) { return rv::sum(x); }, rv::tensor({1 << 30}));
  CHECK(t.second_order(point({(1 << 30) + 1})) == (1 << 30) + 1);
}

TEST_CASE("taylor: the errors are of second and third order") {
  const Taylor t = taylor(landscapes::beale, point({1.0, -0.5}));
  const auto errors = [&](double h) {
    const rv::Tensor at = t.point + h * point({0.6, -0.8});
    const double y = landscapes::beale(at).item();
    return Values{std::abs(y - t.first_order(at)), std::abs(y - t.second_order(at))};
  };
  const Values coarse = errors(1e-3), fine = errors(5e-4);
  CHECK(coarse[0] / fine[0] == Approx(4.0).epsilon(0.01));
  CHECK(coarse[1] / fine[1] == Approx(8.0).epsilon(0.01));
}

TEST_CASE("taylor: a point of any shape; the second order of a quadratic is the quadratic") {
  const rv::Tensor weights = rv::tensor({{1, -2, 3}, {4, 5, -6}}, rv::f64);
  const auto f = [&](const rv::Variable& x) {
    const rv::Variable total = rv::sum(x * weights);
    return rv::square(total) + rv::sum(x * x * weights);
  };
  const rv::Tensor theta = rv::tensor({{1, 0, -1}, {0.5, 2, 1}}, rv::f64);
  const rv::Tensor far = rv::tensor({{-7, 3, 2}, {11, 0.25, -4}}, rv::f64);
  const Taylor t = taylor(f, theta);
  CHECK(t.gradient.shape() == rv::Shape{2, 3});
  CHECK(t.hessian.shape() == rv::Shape{6, 6});
  CHECK(t.second_order(far) == Approx(f(far).item()).epsilon(1e-13));
  CHECK_THROWS_WITH_AS(t.first_order(far.reshape({6})), "first_order: theta is (6), the point of expansion (2, 3)",
                       rv::ShapeError);
  CHECK_THROWS_WITH_AS(t.second_order(far.reshape({3, 2})), Contains("second_order: theta is (3, 2)"), rv::ShapeError);

  const Taylor one = taylor([](const rv::Variable& x) { return x * x; }, rv::scalar(3, rv::f64));
  CHECK(one.gradient.shape() == rv::Shape{});
  CHECK(one.second_order(rv::scalar(5, rv::f64)) == 25.0);
}

TEST_CASE("taylor: linear functions have no curvature, constants and vectors are refused") {
  const Taylor t = taylor([](const rv::Variable& x) { return rv::sum(3.0 * x); }, point({1, 2}));
  CHECK(t.gradient.to_vector<double>() == Values{3, 3});
  CHECK(t.hessian.to_vector<double>() == Values{0, 0, 0, 0});
  CHECK(t.second_order(point({2, 2})) == 12.0);
  CHECK_THROWS_AS(taylor([](const rv::Variable&) { return rv::Variable(rv::scalar(1.0)); }, point({1})),
                  std::logic_error);
  CHECK_THROWS_AS(taylor([](const rv::Variable& x) { return x * x; }, point({1, 2})), std::logic_error);
}

TEST_CASE("taylor: the expansion stays where it was made, and f is evaluated once") {
  const rv::Variable p = rv::parameter(point({1, 2}));
  int evaluations = 0;
  const Taylor t = taylor(
      [&](const rv::Variable& theta) {
        ++evaluations;
        return cubic(theta);
      },
      p.value());
  CHECK(evaluations == 1);
  CHECK(!p.grad().defined());
  rv::Tensor value = p.value();
  value.fill(9.0);
  CHECK(t.point.to_vector<double>() == Values{1, 2});
  CHECK(t.first_order(point({1, 2})) == 7.0);
}

TEST_CASE("taylor: of all steps of one length the first order falls most along -gradient") {
  for (const landscapes::Landscape& landscape : landscapes::all()) {
    CAPTURE(landscape.name);
    const Taylor t = taylor(landscape.f, rv::tensor(landscape.start, rv::f64));
    const double radius = 1e-3;
    const rv::Tensor downhill = t.gradient * (-radius / rv::norm(t.gradient).item());
    const double best = t.first_order(t.point + downhill);
    CHECK(landscape.f(t.point + downhill).item() < t.value);
    for (int k = 0; k < 360; ++k) {
      const double angle = k * std::numbers::pi / 180.0;
      const rv::Tensor step = radius * point({std::cos(angle), std::sin(angle)});
      CHECK(t.first_order(t.point + step) >= best - 1e-12 * std::abs(t.value));
    }
  }
}

TEST_CASE("symmetric_eigen: by hand") {
  for (const rv::DType dtype : {rv::f64, rv::f32}) {
    const auto pairs = symmetric_eigen(rv::tensor({{2, 1}, {1, 2}}, dtype));
    CHECK(pairs.values.dtype() == dtype);
    CHECK(pairs.vectors.dtype() == dtype);
    CHECK(pairs.values.at({0}) == Approx(1.0).epsilon(1e-6));
    CHECK(pairs.values.at({1}) == Approx(3.0).epsilon(1e-6));
    // columns: (1, -1) and (1, 1) over sqrt 2
    CHECK(pairs.vectors.at({0, 0}) * pairs.vectors.at({1, 0}) == Approx(-0.5).epsilon(1e-6));
    CHECK(pairs.vectors.at({0, 1}) * pairs.vectors.at({1, 1}) == Approx(0.5).epsilon(1e-6));
  }
  // the antisymmetric part has no say
  CHECK(symmetric_eigen(rv::tensor({{2, 5}, {-3, 2}}, rv::f64)).values.at({0}) == Approx(1.0));
  CHECK(symmetric_eigen(rv::tensor({{-4}}, rv::f64)).values.item() == -4.0);
  CHECK(symmetric_eigen(rv::zeros({0, 0})).values.numel() == 0);
}

TEST_CASE("symmetric_eigen: A V = V diag(values), V orthonormal, values ascending") {
  rv::Generator generator(3);
  const rv::Tensor B = rv::randn({7, 7}, rv::f64, generator), A = B + rv::transpose(B);
  const auto pairs = symmetric_eigen(A);
  const auto largest = [](const rv::Tensor& x) { return rv::max(rv::abs(x)).item(); };
  CHECK(largest(rv::matmul(A, pairs.vectors) - pairs.vectors * pairs.values) < 1e-13);  // columns times values
  CHECK(largest(rv::matmul(rv::transpose(pairs.vectors), pairs.vectors) - rv::eye(7, rv::f64)) < 1e-14);
  const Values values = pairs.values.to_vector<double>();
  for (std::size_t i = 1; i < values.size(); ++i) CHECK(values[i - 1] < values[i]);
}

TEST_CASE("symmetric_eigen: what has no eigenvalues is refused") {
  CHECK_THROWS_WITH_AS(symmetric_eigen(rv::ones({2, 3})), "symmetric_eigen: needs a square matrix, got (2, 3)",
                       rv::ShapeError);
  CHECK_THROWS_AS(symmetric_eigen(rv::ones({4})), rv::ShapeError);
  CHECK_THROWS_WITH_AS(symmetric_eigen(rv::ones({2, 2}, rv::i64)), Contains("symmetric_eigen"), rv::DTypeError);
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    rv::Tensor A = rv::eye(3, rv::f64);
    A.set({2, 0}, bad);
    CHECK_THROWS_WITH_AS(symmetric_eigen(A), Contains("NaN or infinite"), std::invalid_argument);
  }
}

TEST_CASE("critical points: by the signs of the eigenvalues") {
  const auto of = [](double a, double b, double c) {
    return classify_critical_point(rv::tensor({{a, 0, 0}, {0, b, 0}, {0, 0, c}}, rv::f64));
  };
  CHECK(of(1, 2, 3) == CriticalPoint::minimum);
  CHECK(of(-1, -2, -3) == CriticalPoint::maximum);
  CHECK(of(1, -2, 3) == CriticalPoint::saddle);
  CHECK(of(1, 0, 3) == CriticalPoint::degenerate);
  CHECK(of(0, -1, 0) == CriticalPoint::degenerate);
  CHECK(of(0, 0, 0) == CriticalPoint::degenerate);
  CHECK(of(1, 0, -1) == CriticalPoint::saddle);  // both signs: a saddle whatever the third
  // the zero is relative
  CHECK(of(1e-20, 2e-20, 3e-20) == CriticalPoint::minimum);
  CHECK(of(1e20, 1, 1e20) == CriticalPoint::degenerate);
  CHECK(of(1, -1e-9, 1) == CriticalPoint::degenerate);
  const rv::Tensor thin = rv::tensor({{1, 0}, {0, 1e-3}});
  CHECK(classify_critical_point(thin, 1e-2) == CriticalPoint::degenerate);
  CHECK(classify_critical_point(thin, 1e-4) == CriticalPoint::minimum);
  CHECK(classify_critical_point(thin, 0.0) == CriticalPoint::minimum);
  for (const double bad : {-1e-3, std::nan("")})
    CHECK_THROWS_WITH_AS(classify_critical_point(thin, bad), Contains("tolerance must be >= 0, got"),
                         std::invalid_argument);
}

TEST_CASE("critical points: of the landscapes, in both precisions and at every scale") {
  for (const rv::DType dtype : {rv::f64, rv::f32}) {
    for (const landscapes::Landscape& l : landscapes::all()) {
      CAPTURE(l.name);
      for (const double scale : {1.0, 1e-9, 1e9}) {
        const auto f = [&](const rv::Variable& theta) { return scale * l.f(theta); };
        CHECK(kind(f, rv::tensor(l.start, dtype)) == CriticalPoint::not_critical);
        if (l.name == "ackley") continue;  // a kink
        for (const Values& minimum : l.minima) {
          CHECK(kind(f, rv::tensor(minimum, dtype)) == CriticalPoint::minimum);
          const auto upside_down = [&](const rv::Variable& theta) { return -f(theta); };
          CHECK(kind(upside_down, rv::tensor(minimum, dtype)) == CriticalPoint::maximum);
        }
      }
    }
    const rv::Tensor origin = rv::zeros({2}, dtype);
    CHECK(kind(landscapes::saddle, origin) == CriticalPoint::saddle);
    CHECK(kind(landscapes::monkey_saddle, origin) == CriticalPoint::degenerate);
    CHECK(kind(landscapes::beale, rv::tensor({0, 1}, dtype)) == CriticalPoint::saddle);
  }
  // far from the origin rounding moves the point further
  const auto with_gradient = [](double x, double g) {
    return classify_critical_point(Taylor{point({x}), 0.0, point({g}), rv::tensor({{1}}, rv::f64)});
  };
  CHECK(with_gradient(0.0, 5e-7) == CriticalPoint::minimum);
  CHECK(with_gradient(0.0, 0.5) == CriticalPoint::not_critical);
  CHECK(with_gradient(1e6, 0.5) == CriticalPoint::minimum);
  CHECK(with_gradient(1e6, 1.5) == CriticalPoint::not_critical);
  CHECK(with_gradient(0.0, std::nan("")) == CriticalPoint::not_critical);
  // near, but not there: at 1e-3 from the minimum
  const rv::Tensor near = point({3.001, 0.5});
  CHECK(kind(landscapes::beale, near) == CriticalPoint::not_critical);
  CHECK(kind(landscapes::beale, near, 2e-3) == CriticalPoint::minimum);
}
