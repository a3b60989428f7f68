#include <vector>

#include <doctest/doctest.h>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/linalg.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>

#include "reference.hpp"

using namespace ravine;
using doctest::Contains;
using Values = std::vector<double>;

namespace {

/// A symmetric positive definite matrix.
Tensor definite(Index n, DType dtype) {
  const Tensor x = random_tensor({n, n}, dtype);
  return matmul(x, x, Transpose::no, Transpose::yes) + eye(n, dtype) * static_cast<double>(n);
}

double largest(const Tensor& x) { return max(abs(x)).item(); }

}  // namespace

TEST_CASE("solve: systems by hand, with a vector and with columns") {
  for (const DType dtype : {f32, f64}) {
    const Tensor a = tensor({{2, 1}, {1, 3}}, dtype);
    const Tensor x = solve(a, tensor({5, 10}, dtype));
    CHECK(x.shape() == Shape{2});
    CHECK(x.dtype() == dtype);
    CHECK(worst_error(x, {1, 3}) < rounding(dtype));
    CHECK(worst_error(solve(a, tensor({{5, 2}, {10, 1}}, dtype)), {1, 1, 3, 0}) < rounding(dtype));
    // Without exchanging rows the first pivot would be 0, and the next one 1e-20.
    CHECK(worst_error(solve(tensor({{0, 1}, {2, 0}}, dtype), tensor({3, 8}, dtype)), {4, 3}) < rounding(dtype));
    CHECK(worst_error(solve(tensor({{1e-20, 1}, {1, 1}}, dtype), tensor({1, 2}, dtype)), {1, 1}) < rounding(dtype));
    CHECK(worst_error(solve(tensor({{4}}, dtype), tensor({2}, dtype)), {0.5}) == 0);
  }
}

TEST_CASE("solve: larger systems of views give back what was multiplied") {
  for (const DType dtype : {f32, f64})
    for (const Index n : {3, 20, 70}) {
      const Tensor storage = random_tensor({n + 2, n}, dtype);
      const Tensor a = storage.slice(0, 2, n + 2) + eye(n, dtype) * 10.0, x = random_tensor({n + 1, 4}, dtype, 2);
      const Tensor right = x.slice(0, 1, n + 1);
      CHECK(largest(solve(a, matmul(a, right)) - right) < 200 * rounding(dtype));
      CHECK(largest(solve(a, matmul(a, right.slice(1, 0, 1).reshape({n}))) - right.slice(1, 0, 1).reshape({n})) <
            200 * rounding(dtype));
    }
  const Tensor a = definite(90, f32), b = random_tensor({90, 60}, f32);
  CHECK(same_bits_on_any_threads([&] { return solve(a, b); }));
}

TEST_CASE("solve refuses what has no solution or does not fit") {
  const Tensor a = eye(2), b = ones({2});
  CHECK_THROWS_WITH_AS(solve(tensor({{1, 2}, {2, 4}}), b), "solve: the matrix (2, 2) is singular: pivot 1 is 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(solve(zeros({3, 3}, f64), ones({3}, f64)), Contains("pivot 0 is 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(solve(ones({2, 3}), b),
                       "solve: needs a matrix (n, n) and a right-hand side (n) or (n, k), got (2, 3) and (2)",
                       ShapeError);
  for (const Shape& shape : {Shape{3}, Shape{1, 2}, Shape{}, Shape{2, 2, 2}})
    CHECK_THROWS_WITH_AS(solve(a, ones(shape)), Contains(("(2, 2) and " + to_string(shape)).c_str()), ShapeError);
  CHECK_THROWS_AS(solve(ones({2, 2, 2}), b), ShapeError);
  CHECK_THROWS_AS(solve(scalar(2), scalar(1)), ShapeError);
  CHECK_THROWS_WITH_AS(solve(a, ones({2}, f64)), Contains("solve: dtypes differ: f32 and f64"), DTypeError);
  CHECK_THROWS_WITH_AS(solve(eye(2, i64), ones({2}, i64)), Contains("solve: needs a floating tensor"), DTypeError);
}

TEST_CASE("cholesky: by hand, and L L^T is the matrix again") {
  for (const DType dtype : {f32, f64}) {
    // Only the lower triangle is read.
    CHECK(worst_error(cholesky(tensor({{4, 99}, {2, 5}}, dtype)), {2, 0, 1, 2}) < rounding(dtype));
    CHECK(worst_error(cholesky(tensor({{9}}, dtype)), {3}) == 0);
    for (const Index n : {4, 70}) {
      const Tensor a = definite(n, dtype), l = cholesky(a);
      CHECK(l.dtype() == dtype);
      CHECK(largest(matmul(l, l, Transpose::no, Transpose::yes) - a) / largest(a) < 10 * rounding(dtype));
      Index above = 0;
      for (Index i = 0; i < n; ++i)
        for (Index j = i + 1; j < n; ++j) above += l.at({i, j}) != 0;
      CHECK(above == 0);
    }
  }
}

TEST_CASE("cholesky refuses what is not positive definite or not square") {
  for (const Tensor& a : {tensor({{1, 2}, {2, 1}}), tensor({{0}}), tensor({{-1}}), zeros({2, 2}), tensor({{nan_value}}),
                          tensor({{1, 0}, {0, nan_value}})})
    CHECK_THROWS_WITH_AS(cholesky(a),
                         ("cholesky: the matrix " + to_string(a.shape()) + " is not positive definite").c_str(),
                         std::invalid_argument);
  CHECK_THROWS_WITH_AS(cholesky(ones({2, 3})), "cholesky: needs a square matrix, got (2, 3)", ShapeError);
  CHECK_THROWS_AS(cholesky(ones({1, 2, 2})), ShapeError);
  CHECK_THROWS_AS(cholesky(scalar(1)), ShapeError);
  CHECK_THROWS_WITH_AS(cholesky(eye(2, i64)), Contains("cholesky: needs a floating tensor"), DTypeError);
}

TEST_CASE("solve and cholesky of no equations") {
  CHECK(solve(zeros({0, 0}), zeros({0})).shape() == Shape{0});
  CHECK(solve(zeros({0, 0}), zeros({0, 3})).shape() == Shape{0, 3});
  CHECK(solve(eye(2), zeros({2, 0})).shape() == Shape{2, 0});
  CHECK(cholesky(zeros({0, 0}, f64)).shape() == Shape{0, 0});
}
