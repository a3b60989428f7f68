#include <ravine/core/linalg.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>

#include "reference.hpp"

using namespace ravine;
using doctest::Contains;
using Values = std::vector<double>;

TEST_CASE("hand-worked products") {
  const Tensor a = tensor({{1, 2}, {3, 4}, {5, 6}}), b = tensor({{1, 0, 2}, {-1, 3, 1}});
  CHECK(values(matmul(a, b)) == Values{-1, 6, 4, -1, 12, 10, -1, 18, 16});
  CHECK(matmul(a, b).shape() == Shape({3, 3}));
  CHECK(values(matmul(b, a)) == Values{11, 14, 13, 16});
  CHECK(values(matmul(a, a, Transpose::yes, Transpose::no)) == Values{35, 44, 44, 56});
  CHECK(values(matmul(a, a, Transpose::no, Transpose::yes)) == Values{5, 11, 17, 11, 25, 39, 17, 39, 61});
  CHECK(values(matmul(a, b, Transpose::yes, Transpose::yes)) == values(transpose(matmul(b, a))));
  CHECK(matmul(a, b).dtype() == f32);
  CHECK(matmul(a.to(f64), b.to(f64)).dtype() == f64);
}

TEST_CASE("vectors count as a row on the left and a column on the right") {
  const Tensor m = tensor({{1, 2, 3}, {4, 5, 6}}), left = tensor({10, 1}), right = tensor({1, 0, -1});
  CHECK(values(matmul(left, m)) == Values{14, 25, 36});
  CHECK(matmul(left, m).shape() == Shape{3});
  CHECK(values(matmul(m, right)) == Values{-2, -2});
  CHECK(matmul(m, right).shape() == Shape{2});
  CHECK(matmul(right, right).item() == 2);
  CHECK(matmul(right, right).shape() == Shape{});
}

TEST_CASE("linear is x W^T + b over the last dimension") {
  const Tensor w = tensor({{1, 2, 3}, {0, -1, 1}}), b = tensor({0.5, -0.5});
  const Tensor x = tensor({{1, 1, 1}, {2, 0, -1}});
  CHECK(values(linear(x, w)) == Values{6, 0, -1, -1});
  CHECK(values(linear(x, w, b)) == Values{6.5, -0.5, -0.5, -1.5});
  CHECK(values(linear(x[0], w, b)) == Values{6.5, -0.5});
  CHECK(linear(x[0], w).shape() == Shape{2});
  CHECK(linear(ones({2, 4, 3}), w, b).shape() == Shape({2, 4, 2}));
  CHECK(linear(ones({2, 4, 3}), w, b).at({1, 3, 0}) == 6.5);
}

TEST_CASE("sizes of 0 in products") {
  for (const DType dtype : {f32, f64}) {
    CHECK(matmul(zeros({0, 3}, dtype), zeros({3, 2}, dtype)).shape() == Shape({0, 2}));
    CHECK(matmul(zeros({2, 3}, dtype), zeros({3, 0}, dtype)).shape() == Shape({2, 0}));
    for (const Transpose ta : {Transpose::no, Transpose::yes})
      for (const Transpose tb : {Transpose::no, Transpose::yes})
        for (const Index n : {1, 3, 40}) {
          const Tensor a = zeros(ta == Transpose::yes ? Shape{0, 9} : Shape{9, 0}, dtype);
          const Tensor b = zeros(tb == Transpose::yes ? Shape{n, 0} : Shape{0, n}, dtype);
          full({9, n}, 5.0, dtype);  // what recycled memory may hold
          CHECK(values(matmul(a, b, ta, tb)) == Values(static_cast<std::size_t>(9 * n), 0.0));
        }
    const Tensor bias = tensor({1, 2}, dtype);
    CHECK(values(linear(zeros({3, 0}, dtype), zeros({2, 0}, dtype), bias)) == Values{1, 2, 1, 2, 1, 2});
    CHECK(values(linear(zeros({2, 3, 0}, dtype), zeros({2, 0}, dtype), bias)).size() == 12);
    CHECK(linear(zeros({0, 4}, dtype), zeros({2, 4}, dtype), bias).shape() == Shape({0, 2}));
    CHECK(matmul(zeros({0}, dtype), zeros({0}, dtype)).item() == 0);
  }
}

TEST_CASE("products of what does not fit are refused") {
  const Tensor m = ones({2, 3});
  CHECK_THROWS_WITH_AS(matmul(m, ones({2, 3})), Contains("matmul: cannot multiply (2, 3) by (2, 3); needs"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(matmul(m, ones({2})), Contains("matmul: cannot multiply (2, 3) by (2)"), ShapeError);
  CHECK_THROWS_WITH_AS(matmul(ones({3}), m), Contains("matmul: cannot multiply (3) by (2, 3)"), ShapeError);
  CHECK_THROWS_WITH_AS(matmul(ones({1, 2, 3}), ones({3, 2})), Contains("matmul: cannot multiply (1, 2, 3)"),
                       ShapeError);
  CHECK_THROWS_WITH_AS(matmul(scalar(1), m), Contains("matmul: cannot multiply () by (2, 3)"), ShapeError);
  CHECK_THROWS_AS(matmul(m, m, Transpose::yes, Transpose::yes), ShapeError);
  CHECK_THROWS_WITH_AS(matmul(m, ones({3, 2}, f64)), "matmul: dtypes differ: f32 and f64", DTypeError);
  CHECK_THROWS_WITH_AS(matmul(ones({2, 3}, i64), ones({3, 2}, i64)), Contains("matmul: needs a floating tensor"),
                       DTypeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({4, 2})),
                       "linear: input (2, 3) does not fit weight (4, 2); the input's last size must be 2", ShapeError);
  CHECK_THROWS_WITH_AS(linear(scalar(1), ones({4, 2})), Contains("linear: input () does not fit"), ShapeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({3})), Contains("the input's last size must be weight's second"), ShapeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({4, 3}), ones({3})), "linear: bias (3) does not fit weight (4, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({4, 3}, f64)), "linear: dtypes differ: f32 and f64", DTypeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({4, 3}), ones({4}, f64)), "linear: dtypes differ: f32 and f64", DTypeError);
}

TEST_CASE("a product of views") {
  const Tensor storage = random_tensor({200}, f32);
  const Tensor a = storage.slice(0, 3, 3 + 35).reshape({5, 7}), b = storage.slice(0, 41, 41 + 63).reshape({7, 9});
  CHECK(bitwise_equal(matmul(a, b), matmul(a.clone(), b.clone())));
  CHECK(bitwise_equal(matmul(a, a, Transpose::no, Transpose::yes),
                      matmul(a.clone(), a.clone(), Transpose::no, Transpose::yes)));
}
