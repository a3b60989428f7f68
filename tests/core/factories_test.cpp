#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

#include <ravine/core/factories.hpp>

using namespace ravine;

namespace {

std::vector<double> values(const Tensor& x) { return x.to_vector<double>(); }
using List = std::vector<double>;

}  // namespace

TEST_CASE("constant tensors of every dtype") {
  for (const DType dtype : {f32, f64, i64, u8}) {
    CAPTURE(name(dtype));
    CHECK(zeros({2, 2}, dtype).dtype() == dtype);
    CHECK(values(zeros({2, 2}, dtype)) == List{0, 0, 0, 0});
    CHECK(values(ones({3}, dtype)) == List{1, 1, 1});
    CHECK(values(full({2}, 7, dtype)) == List{7, 7});
    CHECK(values(eye(2, dtype)) == List{1, 0, 0, 1});
  }
  CHECK(zeros({2}).dtype() == f32);
  CHECK(ones({2, 0, 3}).shape() == Shape{2, 0, 3});
  CHECK(full({}, 2.5).rank() == 0);
  CHECK(full({}, 2.5).item() == 2.5);
  CHECK(scalar(-1.25, f64).at({}) == -1.25);
  CHECK(eye(3).shape() == Shape{3, 3});
  CHECK(eye(0).numel() == 0);
  CHECK_THROWS_AS(zeros({2, -1}), ShapeError);
  CHECK_THROWS_AS(eye(-1), ShapeError);
}

TEST_CASE("*_like takes shape and dtype") {
  const Tensor x = ones({2, 3}, i64);
  for (const Tensor& y : {zeros_like(x), ones_like(x), full_like(x, 4)}) {
    CHECK(y.shape() == x.shape());
    CHECK(y.dtype() == i64);
  }
  CHECK(values(full_like(x, 4)) == List{4, 4, 4, 4, 4, 4});
  CHECK(values(zeros_like(x))[5] == 0);
  CHECK(values(ones_like(x))[5] == 1);
}

TEST_CASE("arange counts") {
  CHECK(values(arange(4)) == List{0, 1, 2, 3});
  CHECK(arange(4).dtype() == f32);
  CHECK(arange(3, i64).dtype() == i64);
  CHECK(values(arange(3, i64)) == List{0, 1, 2});
  CHECK(arange(0).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(arange(-2), "arange: n must be >= 0, got -2", std::invalid_argument);
}

TEST_CASE("arange with bounds stops before the end") {
  CHECK(values(arange(0, 10, 3)) == List{0, 3, 6, 9});
  CHECK(values(arange(0, 9, 3)) == List{0, 3, 6});
  CHECK(values(arange(2, 5)) == List{2, 3, 4});
  CHECK(values(arange(5, 0, -2)) == List{5, 3, 1});
  CHECK(values(arange(1, 2, 0.25, f64)) == List{1, 1.25, 1.5, 1.75});
  CHECK(arange(5, 5).numel() == 0);
  CHECK(arange(5, 0).numel() == 0);
  CHECK(values(arange(3, 6, 1, i64)) == List{3, 4, 5});
  // (1.3 - 1) / 0.1 is a little above 3, and 1 + 3 * 0.1 is 1.3 itself.
  CHECK(arange(1, 1.3, 0.1, f64).numel() == 3);
  CHECK(arange(0, 1, 0.1, f64).numel() == 10);
  CHECK_THROWS_WITH_AS(arange(0, 1, 0), doctest::Contains("step must not be 0"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(arange(0, INFINITY), doctest::Contains("no end"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(arange(0, NAN), doctest::Contains("no end"), std::invalid_argument);
}

TEST_CASE("linspace includes both ends exactly") {
  CHECK(values(linspace(0, 1, 5)) == List{0, 0.25, 0.5, 0.75, 1});
  CHECK(values(linspace(2, -2, 3)) == List{2, 0, -2});
  CHECK(values(linspace(3, 9, 1)) == List{3});
  CHECK(linspace(3, 9, 0).shape() == Shape{0});
  const List x = values(linspace(0.1, 0.7, 50, f64));
  CHECK(x.front() == 0.1);
  CHECK(x.back() == 0.7);
  CHECK(x[7] == doctest::Approx(0.1 + 0.6 * 7 / 49).epsilon(1e-15));
  CHECK_THROWS_WITH_AS(linspace(0, 1, -1), doctest::Contains("linspace: n must be >= 0"), std::invalid_argument);
}

TEST_CASE("tensor from braces") {
  const Tensor v = tensor({1.5, 2});
  CHECK(v.shape() == Shape{2});
  CHECK(v.dtype() == f32);
  CHECK(values(v) == List{1.5, 2});

  const Tensor m = tensor({1, 2, 3, 4, 5, 6}, {2, 3}, f64);
  CHECK(m.shape() == Shape{2, 3});
  CHECK(m.dtype() == f64);
  CHECK(m.at({1, 0}) == 4);

  const int i = 3;
  const float f = 0.5f;
  CHECK(values(tensor({i, f})) == List{3, 0.5});
  CHECK(tensor({7}).shape() == Shape{1});
  CHECK(tensor({0, 71}, {2}, i64).dtype() == i64);
  CHECK(values(tensor({0, 71}, i64)) == List{0, 71});
  CHECK_THROWS_WITH_AS(tensor({1, 2, 3}, {2, 2}), "tensor: got 3 values for shape (2, 2)", ShapeError);
  CHECK_THROWS_WITH_AS(tensor({1}, {2}), "tensor: got 1 value for shape (2)", ShapeError);
}

TEST_CASE("tensor from rows in braces") {
  const Tensor m = tensor({{1, 2}, {3, 4}, {5, 6}});
  CHECK(m.shape() == Shape{3, 2});
  CHECK(values(m) == List{1, 2, 3, 4, 5, 6});
  CHECK(tensor({{1}, {2}}).shape() == Shape{2, 1});
  CHECK(tensor({{1.5}, {2.5}}).shape() == Shape{2, 1});
  CHECK(tensor({{1, 2, 3}}, u8).shape() == Shape{1, 3});
  CHECK_THROWS_WITH_AS(tensor({{1, 2}, {3}}), doctest::Contains("rows differ in length: 2 and 1"), ShapeError);
}

TEST_CASE("tensor from vectors and spans") {
  CHECK(values(tensor(std::vector<float>{0.5f, 1.5f})) == List{0.5, 1.5});
  CHECK(values(tensor(std::vector<double>{1, 2, 3, 4}, {2, 2}, f64)) == List{1, 2, 3, 4});
  CHECK(values(tensor(std::vector<int>{-1, 2})) == List{-1, 2});
  CHECK(values(tensor(std::vector<std::uint8_t>{0, 255}, u8)) == List{0, 255});
  CHECK(tensor(std::vector<long long>{5}, i64).data<Index>()[0] == 5);
  CHECK(tensor(std::vector<double>{}).shape() == Shape{0});
  const double raw[] = {1, 2, 3};
  CHECK(values(from_span(std::span<const double>(raw), {3, 1}, i64)) == List{1, 2, 3});
  CHECK_THROWS_AS(from_span(std::span<const double>(raw), {2}), ShapeError);
}

TEST_CASE("64-bit integers stay exact") {
  constexpr Index most = std::numeric_limits<Index>::max(), least = std::numeric_limits<Index>::min();
  const std::vector<Index> big{most, least, (Index{1} << 53) + 1};
  CHECK(tensor(big, i64).to_vector<Index>() == big);
  CHECK(arange(5, i64).to_vector<Index>() == std::vector<Index>{0, 1, 2, 3, 4});
}

TEST_CASE("values are rounded to floating types and truncated to integer ones") {
  CHECK(tensor({0.1}).data<float>()[0] == 0.1f);
  CHECK(tensor({0.1}, f64).data<double>()[0] == 0.1);
  CHECK(values(tensor({1.9, -1.9}, i64)) == List{1, -1});
  CHECK(values(full({1}, 2.9, u8)) == List{2});
}
