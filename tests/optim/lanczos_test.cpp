// The largest eigenvalues by products alone, beside those of the whole matrix.
#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/lanczos.hpp>
#include <ravine/optim/landscapes.hpp>

namespace rv = ravine;
using doctest::Approx;
using doctest::Contains;
using rv::optim::Eigenpairs;
using rv::optim::hessian_eigen;
using rv::optim::leading_eigen;
using Values = std::vector<double>;

namespace {

constexpr rv::optim::LanczosOptions exact{.tolerance = 1e-12};

Eigenpairs leading(const rv::Tensor& A, rv::Index count, const rv::optim::LanczosOptions& options = exact) {
  return leading_eigen([&](const rv::Tensor& v) { return rv::matmul(A, v); }, A.size(0), count, options);
}

rv::Tensor diagonal(const Values& values) {
  rv::Tensor D = rv::zeros({static_cast<rv::Index>(values.size()), static_cast<rv::Index>(values.size())}, rv::f64);
  for (std::size_t i = 0; i < values.size(); ++i)
    D.set({static_cast<rv::Index>(i), static_cast<rv::Index>(i)}, values[i]);
  return D;
}

/// The largest element of |A V - V diag(values)| and of |Vᵀ V - 1|.
double error(const rv::Tensor& A, const Eigenpairs& p) {
  const double of_pairs = rv::max(rv::abs(rv::matmul(A, p.vectors) - p.vectors * p.values)).item();
  const rv::Tensor VtV = rv::matmul(p.vectors, p.vectors, rv::Transpose::yes);
  return std::max(of_pairs, rv::max(rv::abs(VtV - rv::eye(VtV.size(0), rv::f64))).item());
}

rv::Tensor random_symmetric(rv::Index n) {
  rv::Generator generator(3);
  const rv::Tensor A = rv::randn({n, n}, rv::f64, generator);
  return A + rv::transpose(A);
}

}  // namespace

TEST_CASE("leading_eigen: a matrix by hand, by magnitude, with its signs") {
  const Eigenpairs p = leading(rv::tensor({{0, 2, 0}, {2, 3, 0}, {0, 0, -3}}, rv::f64), 3);
  CHECK(p.values.at({0}) == Approx(4.0));
  CHECK(p.values.at({1}) == Approx(-3.0));
  CHECK(p.values.at({2}) == Approx(-1.0));
  CHECK(p.vectors.at({0, 0}) == Approx(1.0 / std::sqrt(5.0)));
  CHECK(p.vectors.at({1, 0}) == Approx(2.0 / std::sqrt(5.0)));
  CHECK(p.vectors.at({2, 1}) == Approx(1.0));
}

TEST_CASE("leading_eigen: agrees with symmetric_eigen, also where the basis is full before it is done") {
  for (const rv::Index n : {7, 300}) {
    const rv::Tensor A = random_symmetric(n);
    const Eigenpairs all = rv::optim::symmetric_eigen(A), some = leading(A, 4);
    CHECK(error(A, some) < 1e-9);
    const Values of_all = all.values.to_vector<double>(), of_some = some.values.to_vector<double>();
    Values magnitudes;
    for (const double value : of_all) magnitudes.push_back(std::abs(value));
    std::sort(magnitudes.rbegin(), magnitudes.rend());
    for (std::size_t i = 0; i < 4; ++i) CHECK(std::abs(of_some[i]) == Approx(magnitudes[i]).epsilon(1e-12));
  }
}

TEST_CASE("leading_eigen: equal eigenvalues, opposite ones and zeros are all found") {
  for (const Values& values : {Values{5, 5, 5, 1}, {2, -2, 1, 0}, {7, 0, 0, 0}, {0, 0, 0, 0}, {1e-30, -3e-30, 0, 0}}) {
    const rv::Tensor A = diagonal(values);
    const Eigenpairs p = leading(A, 4);
    CHECK(error(A, p) < 1e-12);
    double sum = 0.0, expected = 0.0;
    for (const double value : values) expected += value;
    for (const double value : p.values.to_vector<double>()) sum += value;
    CHECK(sum == Approx(expected).epsilon(1e-12).scale(1e-30));
  }
  CHECK(leading(diagonal({1, 2}), 0).vectors.shape() == rv::Shape{2, 0});
  CHECK(leading(rv::zeros({0, 0}, rv::f64), 0).values.numel() == 0);
}

TEST_CASE("leading_eigen: refusals") {
  const rv::Tensor A = random_symmetric(200);
  CHECK_THROWS_WITH_AS(leading(A, 201), Contains("count must be from 0 to the size of the matrix, 200, got 201"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(leading(A, -1), Contains("got -1"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(leading(A, 1, {.tolerance = 0.0}), Contains("tolerance must be > 0, got 0"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(leading(A, 1, {.max_products = 0}), Contains("max_products must be >= 1"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(leading(A, 1, {.tolerance = 1e-12, .max_products = 5}), Contains("after 5 products"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(leading(A * std::numeric_limits<double>::infinity(), 1), Contains("NaN or infinity"),
                       std::runtime_error);
  CHECK_THROWS_WITH_AS(leading_eigen([](const rv::Tensor&) { return rv::zeros({2}, rv::f64); }, 3, 1),
                       Contains("with a vector (3) is (2)"), rv::ShapeError);
}

TEST_CASE("hessian_eigen: a quadratic over parameters of two shapes, in both precisions") {
  const rv::Tensor A = random_symmetric(6);
  const auto f = rv::landscapes::quadratic(A);
  for (const rv::DType dtype : {rv::f32, rv::f64}) {
    const rv::Variable a = rv::parameter(rv::ones({2, 2}, dtype)), b = rv::parameter(rv::zeros({2}, dtype));
    const rv::Tensor before = a.value().clone();
    const auto loss = [&] { return f(rv::concat({a.reshape({4}), b}, 0)); };
    const double digits = dtype == rv::f32 ? 1e-5 : 1e-10;
    const Eigenpairs p = hessian_eigen({a, b}, loss, 2, {.tolerance = digits});
    CHECK(error(A, p) < 100 * digits);
    CHECK(std::abs(p.values.at({0})) ==
          Approx(rv::max(rv::abs(rv::optim::symmetric_eigen(A).values)).item()).epsilon(digits));
    CHECK(rv::bitwise_equal(a.value(), before));
    CHECK(!a.grad().defined());
  }
}

TEST_CASE("hessian_eigen: what the loss is linear in, or does not depend on, has curvature 0") {
  const rv::Variable x = rv::parameter(rv::tensor({1, 2}, rv::f64)), y = rv::parameter(rv::ones({1}, rv::f64)),
                     z = rv::parameter(rv::ones({1}, rv::f64));
  const Eigenpairs p = hessian_eigen(
      {x, y, z}, [&] { return 3.0 * rv::sum(x * x) + rv::sum(y); }, 3, exact);
  CHECK(p.values.at({0}) == Approx(6.0));
  CHECK(p.values.at({1}) == Approx(6.0));
  CHECK(std::abs(p.values.at({2})) < 1e-15);
  CHECK(hessian_eigen(
            {y}, [&] { return rv::sum(y); }, 1)
            .values.item() == 0.0);
}

TEST_CASE("hessian_eigen: random numbers stay, and refusals") {
  const rv::Variable x = rv::parameter(rv::ones({3}, rv::f64));
  rv::manual_seed(5);
  hessian_eigen(
      {x}, [&] { return rv::sum(rv::square(x) * rv::Variable(rv::randn({3}, rv::f64))); }, 1);
  CHECK(rv::default_generator().position() == 0);
  CHECK_THROWS_WITH_AS(hessian_eigen(
                           {x}, [&] { return rv::square(x); }, 1),
                       Contains("returned (3), not a scalar"), std::logic_error);
  CHECK_THROWS_WITH_AS(hessian_eigen(
                           {x}, [] { return rv::Variable(); }, 1),
                       Contains("returned no loss"), std::logic_error);
  CHECK_THROWS_WITH_AS(hessian_eigen(
                           {x}, [] { return rv::Variable(rv::scalar(1.0)); }, 1),
                       Contains("depends on no parameter"), std::logic_error);
  CHECK_THROWS_WITH_AS(hessian_eigen(
                           {}, [&] { return rv::sum(x); }, 1),
                       Contains("hessian_eigen: no parameters"), std::invalid_argument);
}
