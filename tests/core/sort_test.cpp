#include <algorithm>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/sort.hpp>

#include "reference.hpp"

using namespace ravine;
using doctest::Contains;
using Values = std::vector<double>;

namespace {

const DType dtypes[] = {f32, f64, i64, u8};

/// The positions of a row in order, by std::stable_sort.
std::vector<double> stable_order(const Values& row, bool descending) {
  std::vector<std::size_t> order(row.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](auto i, auto j) { return descending ? row[i] > row[j] : row[i] < row[j]; });
  return {order.begin(), order.end()};
}

}  // namespace

TEST_CASE("sort gives values and where they come from, every dtype") {
  for (const DType dtype : dtypes) {
    CAPTURE(name(dtype));
    const auto rows = sort(tensor({{3, 1, 2}, {5, 6, 4}}, dtype));
    CHECK(rows.values.dtype() == dtype);
    CHECK(rows.indices.dtype() == i64);
    CHECK(values(rows.values) == Values{1, 2, 3, 4, 5, 6});
    CHECK(values(rows.indices) == Values{1, 2, 0, 2, 0, 1});
    const auto columns = sort(tensor({{3, 1, 2}, {5, 6, 4}}, dtype), 0, true);
    CHECK(values(columns.values) == Values{5, 6, 4, 3, 1, 2});
    CHECK(values(columns.indices) == Values{1, 1, 1, 0, 0, 0});
  }
}

TEST_CASE("NaN sorts as the largest value, and equal values keep their order") {
  const double nan = nan_value, inf = infinity;
  for (const DType dtype : {f32, f64}) {
    const Tensor x = tensor({3.0, nan, 1.0, nan, -inf, inf, -0.0, 0.0}, dtype);
    CHECK(worst_error(sort(x).values, {-inf, 0, 0, 1, 3, inf, nan, nan}) == 0);
    CHECK(values(argsort(x)) == Values{4, 6, 7, 2, 0, 5, 1, 3});
    CHECK(worst_error(sort(x, 0, true).values, {nan, nan, inf, 3, 1, 0, 0, -inf}) == 0);
    CHECK(values(argsort(x, 0, true)) == Values{1, 3, 5, 0, 2, 6, 7, 4});
    CHECK(values(topk(x, 3).indices) == Values{1, 3, 5});
    CHECK(values(topk(x, 3, 0, false).indices) == Values{4, 6, 7});
    CHECK(bitwise_equal(sort(x).values, gather(x, 0, argsort(x))));  // -0 stays in front of 0
  }
}

TEST_CASE("sort, argsort and topk agree with a stable sort along every dimension, with many ties") {
  Generator generator(3);
  for (const DType dtype : dtypes)
    for (const Index dim : {0, 1, -1}) {
      CAPTURE(name(dtype));
      CAPTURE(dim);
      const Tensor storage = randint(0, 9, {7, 50, 6}, generator).to(dtype), x = storage.slice(0, 2, 6);
      const Tensor last = transpose(x, dim, -1).reshape({-1, x.size(dim)});
      for (const bool descending : {false, true}) {
        Values expected, first_three;
        for (Index row = 0; row < last.size(0); ++row) {
          const Values order = stable_order(values(last[row]), descending);
          expected.insert(expected.end(), order.begin(), order.end());
          first_three.insert(first_three.end(), order.begin(), order.begin() + 3);
        }
        const Tensor indices = argsort(x, dim, descending);
        CHECK(values(transpose(indices, dim, -1)) == expected);
        const Sorted<Tensor> sorted = sort(x, dim, descending), top = topk(x, 3, dim, descending);
        CHECK(bitwise_equal(sorted.indices, indices));
        CHECK(bitwise_equal(sorted.values, gather(x, dim, indices)));
        CHECK(values(transpose(top.indices, dim, -1)) == first_three);
        CHECK(bitwise_equal(top.values, gather(x, dim, top.indices)));
      }
    }
}

TEST_CASE("long lines agree with a stable sort, whatever part of them is asked for") {
  Generator generator(5);
  const Tensor numbers = round(randn({2000}, generator) * 300.0) * 1000.0;
  for (const DType dtype : dtypes)
    for (const bool descending : {false, true}) {
      CAPTURE(name(dtype));
      const Tensor x = numbers.to(dtype);
      const Values expected = stable_order(values(x), descending);
      CHECK(values(argsort(x, 0, descending)) == expected);
      for (const Index k : {1, 20, 250, 251, 1500})
        CHECK(values(topk(x, k, 0, descending).indices) == Values(expected.begin(), expected.begin() + k));
    }
}

TEST_CASE("topk of none and of all") {
  const Tensor x = tensor({{3, 1, 2}, {5, 6, 4}});
  CHECK(topk(x, 0).values.shape() == Shape{2, 0});
  CHECK(topk(x, 0, 0).indices.shape() == Shape{0, 3});
  CHECK(values(topk(x, 3).values) == Values{3, 2, 1, 6, 5, 4});
  CHECK(values(topk(x, 1, 1, false).values) == Values{1, 4});
  CHECK_THROWS_WITH_AS(topk(x, 4), "topk: k must be in [0, 3], the size of dimension -1 of (2, 3), got 4", ShapeError);
  CHECK_THROWS_WITH_AS(topk(x, -1), Contains("got -1"), ShapeError);
}

TEST_CASE("sorting sizes of 0 and 1, and refusals by name") {
  CHECK(sort(zeros({0})).values.shape() == Shape{0});
  CHECK(sort(zeros({0, 3}), 0).indices.shape() == Shape{0, 3});
  CHECK(sort(zeros({3, 0}), 0).values.shape() == Shape{3, 0});
  CHECK(values(argsort(tensor({7}))) == Values{0});
  CHECK_THROWS_WITH_AS(sort(zeros({2}), 1), "sort: there is no dimension 1 in shape (2)", ShapeError);
  CHECK_THROWS_WITH_AS(argsort(scalar(1)), Contains("argsort: there is no dimension -1"), ShapeError);
  CHECK_THROWS_WITH_AS(topk(scalar(1), 1), Contains("topk: there is no dimension -1"), ShapeError);
}

TEST_CASE("sorting gives the same bits on any number of threads") {
  for (const Shape& shape : {Shape{100000}, Shape{300, 200}, Shape{3, 200, 100}}) {
    const Tensor x = random_tensor(shape, f32);
    CHECK(same_bits_on_any_threads([&] { return sort(x, shape.rank() / 2).values; }));
    CHECK(same_bits_on_any_threads([&] { return argsort(x, shape.rank() / 2, true); }));
    CHECK(same_bits_on_any_threads([&] { return topk(x, 20, shape.rank() / 2).indices; }));
  }
}
