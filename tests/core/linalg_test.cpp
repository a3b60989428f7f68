#include <ravine/core/linalg.hpp>

#include <doctest/doctest.h>

#include <utility>
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
  const auto refuses = [](const Tensor& a, const Tensor& b, const char* words, Transpose ta = Transpose::no,
                          Transpose tb = Transpose::no) {
    CHECK_THROWS_WITH_AS(matmul(a, b, ta, tb), words, ShapeError);
  };
  refuses(m, m, "matmul: cannot multiply (2, 3) by (2, 3): the inner sizes, 3 and 2, differ");
  refuses(m, ones({2}), "matmul: cannot multiply (2, 3) by (2): the inner sizes, 3 and 2, differ");
  refuses(ones({3}), m, "matmul: cannot multiply (3) by (2, 3): the inner sizes, 3 and 2, differ");
  refuses(ones({5, 2, 3}), ones({5, 2, 4}),
          "matmul: cannot multiply (5, 2, 3) by (5, 2, 4): the inner sizes, 3 and 2, differ");
  refuses(ones({2, 4, 3}), ones({5, 3, 5}),
          "matmul: cannot multiply (2, 4, 3) by (5, 3, 5): the batches, (2) and (5), do not broadcast");
  refuses(scalar(1), m, "matmul: cannot multiply () by (2, 3): a scalar is no matrix, operator* takes it");
  refuses(m, scalar(1), "matmul: cannot multiply (2, 3) by (): a scalar is no matrix, operator* takes it");
  refuses(m, m, "matmul: cannot multiply (2, 3) transposed by (2, 3) transposed: the inner sizes, 2 and 3, differ",
          Transpose::yes, Transpose::yes);
  refuses(ones({3}), m, "matmul: cannot multiply (3) transposed by (2, 3): a vector has no transpose", Transpose::yes);
  CHECK_THROWS_WITH_AS(matmul(m, ones({3, 2}, f64)), "matmul: dtypes differ: f32 and f64; convert one with to()",
                       DTypeError);
  CHECK_THROWS_WITH_AS(matmul(ones({2, 3}, i64), ones({3, 2}, i64)), Contains("matmul: needs a floating tensor"),
                       DTypeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({4, 2})),
                       "linear: input (2, 3) does not fit weight (4, 2); the input's last size must be 2", ShapeError);
  CHECK_THROWS_WITH_AS(linear(scalar(1), ones({4, 2})), Contains("linear: input () does not fit"), ShapeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({3})), Contains("the input's last size must be weight's second"), ShapeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({4, 3}), ones({3})), "linear: bias (3) does not fit weight (4, 3)", ShapeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({4, 3}, f64)), "linear: dtypes differ: f32 and f64; convert one with to()",
                       DTypeError);
  CHECK_THROWS_WITH_AS(linear(m, ones({4, 3}), ones({4}, f64)),
                       "linear: dtypes differ: f32 and f64; convert one with to()", DTypeError);
}

TEST_CASE("a product of views") {
  const Tensor storage = random_tensor({200}, f32);
  const Tensor a = storage.slice(0, 3, 3 + 35).reshape({5, 7}), b = storage.slice(0, 41, 41 + 63).reshape({7, 9});
  CHECK(bitwise_equal(matmul(a, b), matmul(a.clone(), b.clone())));
  CHECK(bitwise_equal(matmul(a, a, Transpose::no, Transpose::yes),
                      matmul(a.clone(), a.clone(), Transpose::no, Transpose::yes)));
}

namespace {

/// A batched product one pair of matrices after the other, NumPy's rule for the batches in front.
Tensor matmul_by_pairs(const Tensor& a, const Tensor& b, Transpose ta = Transpose::no, Transpose tb = Transpose::no) {
  const auto batches = [](const Shape& s) {
    return Shape(std::span(s.begin(), static_cast<std::size_t>(s.rank() - 2)));
  };
  const auto matrix = [](const Tensor& x, Index i) { return x.reshape({-1, x.size(-2), x.size(-1)})[i]; };
  const Shape left = batches(a.shape()), right = batches(b.shape());
  Shape shape = detail::broadcast_shapes("matmul", left, right);
  std::vector<Tensor> products;
  for (Index i = 0; i < shape.numel(); ++i)
    products.push_back(
        matmul(matrix(a, broadcast_source(i, left, shape)), matrix(b, broadcast_source(i, right, shape)), ta, tb));
  shape.push_back(products[0].size(0));
  shape.push_back(products[0].size(1));
  return stack(products, 0).reshape(shape);
}

}  // namespace

TEST_CASE("batches of matrices broadcast, and have the bits of single products") {
  const std::pair<Shape, Shape> batches[] = {{{2}, {2}}, {{3, 2}, {2}},    {{}, {3}},        {{2}, {}},
                                             {{1}, {4}}, {{3, 1}, {1, 2}}, {{2, 2}, {2, 1}}, {{1, 1, 1}, {1}}};
  for (const DType dtype : {f32, f64})
    for (const auto& [left, right] : batches)
      for (const Transpose ta : {Transpose::no, Transpose::yes})
        for (const Transpose tb : {Transpose::no, Transpose::yes}) {
          Shape a = left, b = right;
          for (const Index size : ta == Transpose::yes ? Shape{7, 5} : Shape{5, 7}) a.push_back(size);
          for (const Index size : tb == Transpose::yes ? Shape{9, 7} : Shape{7, 9}) b.push_back(size);
          CAPTURE(to_string(a));
          CAPTURE(to_string(b));
          const Tensor x = random_tensor(a, dtype), y = random_tensor(b, dtype, 2);
          CHECK(bitwise_equal(matmul(x, y, ta, tb), matmul_by_pairs(x, y, ta, tb)));
        }
  CHECK(values(matmul(tensor({1, 2, 3, 4, 5, 6, 7, 8}, {2, 2, 2}), tensor({{1, 10}, {100, 1000}}))) ==
        Values{201, 2010, 403, 4030, 605, 6050, 807, 8070});
  CHECK(matmul(ones({2, 4, 3}), ones({2, 3, 5})).shape() == Shape({2, 4, 5}));
}

TEST_CASE("vectors times batches") {
  const Tensor m = random_tensor({2, 3, 4, 5}, f64), left = random_tensor({4}, f64), right = random_tensor({5}, f64);
  CHECK(matmul(left, m).shape() == Shape({2, 3, 5}));
  CHECK(bitwise_equal(matmul(left, m), matmul_by_pairs(left.reshape({1, 4}), m).reshape({2, 3, 5})));
  CHECK(matmul(m, right).shape() == Shape({2, 3, 4}));
  CHECK(bitwise_equal(matmul(m, right), matmul_by_pairs(m, right.reshape({5, 1})).reshape({2, 3, 4})));
}

TEST_CASE("batches of views, of large matrices, and on any number of threads") {
  const Tensor storage = random_tensor({5, 6, 7}, f32);
  const Tensor a = storage.slice(0, 1, 3), b = storage.slice(0, 2, 4);
  CHECK(bitwise_equal(matmul(a, b, Transpose::no, Transpose::yes),
                      matmul(a.clone(), b.clone(), Transpose::no, Transpose::yes)));
  const auto same = [](const Shape& left, const Shape& right) {
    const Tensor x = random_tensor(left, f32), y = random_tensor(right, f32, 2);
    CHECK(bitwise_equal(matmul(x, y), matmul_by_pairs(x, y)));
    CHECK(same_bits_on_any_threads([&] { return matmul(x, y); }));
  };
  same({3, 130, 90}, {3, 90, 110});    // a product for all threads
  same({300, 12, 30}, {300, 30, 40});  // a thread for each
  same({130, 90}, {2, 90, 110});
}

TEST_CASE("sizes of 0 in batches") {
  CHECK(matmul(zeros({0, 2, 3}), zeros({0, 3, 4})).shape() == Shape({0, 2, 4}));
  CHECK(matmul(zeros({0, 2, 3}), zeros({3, 4})).shape() == Shape({0, 2, 4}));
  CHECK(matmul(zeros({0, 2, 3}), zeros({1, 3, 4})).shape() == Shape({0, 2, 4}));
  CHECK(matmul(zeros({2, 3}), zeros({0, 3, 4})).shape() == Shape({0, 2, 4}));
  CHECK(matmul(zeros({2, 0, 3}), zeros({2, 3, 4})).shape() == Shape({2, 0, 4}));
  CHECK(matmul(zeros({2, 3}), zeros({2, 3, 0})).shape() == Shape({2, 2, 0}));
  CHECK(values(matmul(zeros({2, 2, 0}), zeros({2, 0, 1}))) == Values{0, 0, 0, 0});
  CHECK(values(matmul(zeros({2, 2, 0}), zeros({0, 1}))) == Values{0, 0, 0, 0});
  CHECK_THROWS_WITH_AS(matmul(zeros({0, 2, 3}), zeros({2, 3, 4})), Contains("the batches, (0) and (2)"), ShapeError);
}

TEST_CASE("a wide transposed A by one column has the bits of that column, as a row, by A") {
  for (const DType dtype : {f32, f64})
    for (const Index k : {1, 3, 7, 70}) {
      const Tensor a = random_tensor({k, 9001}, dtype), b = random_tensor({k, 1}, dtype, 2);
      CHECK(bitwise_equal(matmul(a, b, Transpose::yes).reshape({1, 9001}), matmul(b.reshape({1, k}), a)));
    }
}
