// Integers go through every door of a tensor to their last digit: what a double cannot hold is 2^53 + 1 and beyond.
#include <ravine/core/scalar.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>

using namespace ravine;
using doctest::Contains;

namespace {

constexpr Index odd = 9007199254740993;  // 2^53 + 1: in double it is …992
constexpr Index largest = std::numeric_limits<Index>::max(), least = std::numeric_limits<Index>::min();
constexpr double infinity = std::numeric_limits<double>::infinity();

std::vector<Index> integers(const Tensor& x) { return x.to_vector<Index>(); }
using Integers = std::vector<Index>;

}  // namespace

TEST_CASE("a scalar keeps an integer exactly and a floating number as double") {
  CHECK(Scalar(odd).integral());
  CHECK(Scalar(odd).to<Index>() == odd);
  CHECK(Scalar(largest).to<Index>() == largest);
  CHECK(Scalar(least).to<Index>() == least);
  CHECK(Scalar(std::uint64_t{1} << 62).to<Index>() == Index{1} << 62);
  CHECK(Scalar(std::uint64_t{largest}).to<Index>() == largest);
  CHECK(Scalar(true).to<Index>() == 1);
  CHECK_FALSE(Scalar(0.1).integral());
  CHECK(Scalar(0.1).to<double>() == 0.1);
  CHECK(Scalar(0.1f).value() == static_cast<double>(0.1f));
}

TEST_CASE("an unsigned integer that no tensor holds is refused, not rounded") {
  CHECK_THROWS_WITH_AS(Scalar(std::uint64_t{1} << 63),
                       "Scalar: 9223372036854775808 does not fit std::int64_t; convert it to double", DTypeError);
  CHECK_THROWS_AS(full({1}, std::numeric_limits<std::uint64_t>::max(), i64), DTypeError);
  CHECK(full({1}, static_cast<double>(std::uint64_t{1} << 63)).item() == 0x1p63);
}

TEST_CASE("a scalar in another type: rounded once, truncated, or the nearest limit") {
  // 2^60 + 2^36 + 1 lies above the middle between two floats; in double it is that middle, which rounds down.
  const Index above_middle = (Index{1} << 60) + (Index{1} << 36) + 1;
  CHECK(Scalar(above_middle).to<float>() == 0x1.000002p60f);
  CHECK(static_cast<float>(static_cast<double>(above_middle)) == 0x1p60f);
  CHECK(Scalar(-2.9).to<Index>() == -2);
  CHECK(Scalar(0x1p63).to<Index>() == largest);
  CHECK(Scalar(1e300).to<Index>() == largest);
  CHECK(Scalar(-0x1p63).to<Index>() == least);
  CHECK(Scalar(-infinity).to<Index>() == least);
  CHECK(Scalar(std::nan("")).to<Index>() == 0);
  CHECK(Scalar(300).to<std::uint8_t>() == 255);
  CHECK(Scalar(-1).to<std::uint8_t>() == 0);
  CHECK(Scalar(254.9).to<std::uint8_t>() == 254);
  CHECK(Scalar(largest).to<int>() == std::numeric_limits<int>::max());
  CHECK(Scalar(0.5).to<bool>());
  CHECK_FALSE(Scalar(0).to<bool>());
}

TEST_CASE("i64 tensors are made of integers exactly") {
  CHECK(integers(tensor({odd, -odd, largest, least}, i64)) == Integers{odd, -odd, largest, least});
  CHECK(integers(tensor({odd, 1}, {2, 1}, i64)) == Integers{odd, 1});
  CHECK(integers(tensor({{odd, 1}, {2, -odd}}, i64)) == Integers{odd, 1, 2, -odd});
  CHECK(integers(tensor({{odd}, {2}}, i64)) == Integers{odd, 2});
  CHECK(integers(full({2}, odd, i64)) == Integers{odd, odd});
  CHECK(integers(full_like(tensor({0}, i64), -odd)) == Integers{-odd});
  CHECK(integers(scalar(largest, i64)) == Integers{largest});
  Tensor x = zeros({3}, i64);
  x.set({1}, odd);
  CHECK(integers(x) == Integers{0, odd, 0});
  x.fill(least);
  CHECK(integers(x) == Integers{least, least, least});
}

TEST_CASE("rows in braces: of one value, of several types, empty") {
  CHECK(tensor({{1}, {2.5}}).shape() == Shape{2, 1});
  CHECK(tensor({{1.0}}).shape() == Shape{1, 1});
  CHECK(tensor({{1, 2.5}, {true, 4u}}).to_vector<double>() == std::vector<double>{1, 2.5, 1, 4});
  CHECK(tensor({{}}).shape() == Shape{1, 0});
  CHECK(tensor({}).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(tensor({{1, 2}, {3}}), "tensor: rows differ in length: 2 and 1 values", ShapeError);
}

TEST_CASE("what is made from floating numbers is truncated and saturates, as before") {
  CHECK(integers(tensor({2.9, -2.9, 1e30, std::nan("")}, i64)) == Integers{2, -2, largest, 0});
  CHECK(integers(full({1}, -1e30, i64)) == Integers{least});
  CHECK(full({1}, 300, u8).item() == 255);
  CHECK(tensor(std::vector<int>{300, -1}, u8).to_vector<int>() == std::vector<int>{255, 0});
}

TEST_CASE("one element is read in the type that is asked for") {
  const Tensor x = tensor({{odd, -odd}, {largest, least}}, i64);
  CHECK(x.at<Index>({0, 0}) == odd);
  CHECK(x.at<Index>({-1, -2}) == largest);
  CHECK(x[1].at<Index>({1}) == least);
  CHECK(x.at({0, 0}) == 9007199254740992.0);
  CHECK(x.slice(1, 1, 2).slice(0, 0, 1).item<Index>() == -odd);
  CHECK(scalar(2.5).item<int>() == 2);
  CHECK(scalar(0.1).item<float>() == 0.1f);
  CHECK(scalar(7, u8).item<std::uint8_t>() == 7);
  CHECK(scalar(1, u8).item<bool>());
  static_assert(std::is_same_v<decltype(x.item()), double>);
  CHECK_THROWS_WITH_AS(x.item<Index>(), "item: needs a tensor of one element, got (2, 2)", ShapeError);
  CHECK_THROWS_AS(x.at<Index>({0, 2}), std::out_of_range);
}

TEST_CASE("arithmetic of an i64 tensor with a number is exact") {
  const Tensor x = tensor({1, -1}, i64);
  CHECK(integers(x + odd) == Integers{odd + 1, odd - 1});
  CHECK(integers(x - odd) == Integers{1 - odd, -1 - odd});
  CHECK(integers(odd - x) == Integers{odd - 1, odd + 1});
  CHECK(integers(x * odd) == Integers{odd, -odd});
  CHECK(integers(odd * x) == Integers{odd, -odd});
  CHECK(integers(maximum(x, odd)) == Integers{odd, odd});
  CHECK(integers(minimum(x, -odd)) == Integers{-odd, -odd});
  CHECK(integers(clamp(tensor({largest, least}, i64), -odd, odd)) == Integers{odd, -odd});
  CHECK_THROWS_WITH_AS(clamp(x, odd, odd - 1), "clamp: the limits are not in order: 9007199254740993, 9007199254740992",
                       std::invalid_argument);
}

TEST_CASE("integers wrap around, as in NumPy") {
  CHECK(integers(tensor({largest}, i64) + 1) == Integers{least});
  CHECK(integers(tensor({least}, i64) - 1) == Integers{largest});
  CHECK(integers(-tensor({least}, i64)) == Integers{least});
  CHECK(integers(tensor({largest}, i64) * 2) == Integers{-2});
  CHECK((tensor({250}, u8) + 10).item() == 4);
  CHECK((tensor({200}, u8) * tensor({200}, u8)).item() == 64);
}

TEST_CASE("comparisons of an i64 tensor with a number see the last digit") {
  const Tensor x = tensor({odd - 1, odd, odd + 1}, i64);
  const auto is = [](const Tensor& mask) { return mask.to_vector<int>(); };
  CHECK(is(eq(x, odd)) == std::vector{0, 1, 0});
  CHECK(is(ne(x, odd)) == std::vector{1, 0, 1});
  CHECK(is(lt(x, odd)) == std::vector{1, 0, 0});
  CHECK(is(le(x, odd)) == std::vector{1, 1, 0});
  CHECK(is(gt(x, odd)) == std::vector{0, 0, 1});
  CHECK(is(ge(x, odd)) == std::vector{0, 1, 1});
}

TEST_CASE("a floating number, or an integer out of range, does not fit an integer tensor in an expression") {
  const Tensor x = tensor({1}, i64);
  CHECK_THROWS_WITH_AS(x + 1.0, "add: a floating scalar with a tensor of i64; convert it with to()", DTypeError);
  CHECK_THROWS_WITH_AS(eq(x, 1.0), "eq: a floating scalar with a tensor of i64; convert it with to()", DTypeError);
  CHECK_THROWS_WITH_AS(tensor({1}, u8) * odd, "mul: 9007199254740993 does not fit a tensor of u8; convert it with to()",
                       DTypeError);
  CHECK_THROWS_WITH_AS(gt(tensor({1}, u8), -1), "gt: -1 does not fit a tensor of u8; convert it with to()", DTypeError);
}

TEST_CASE("an integer with a floating tensor is rounded once to its type") {
  const Index above_middle = (Index{1} << 60) + (Index{1} << 36) + 1;
  CHECK((zeros({1}) + above_middle).item() == 0x1.000002p60);
  CHECK(full({1}, above_middle).item() == 0x1.000002p60);
  CHECK(tensor({above_middle}).item() == 0x1.000002p60);
  CHECK(arange(above_middle, above_middle + 1).item() == 0x1.000002p60);
  CHECK((zeros({1}, f64) + odd).item() == 9007199254740992.0);
}

TEST_CASE("arange: integers are counted and made exactly, to the ends of their range") {
  CHECK(integers(arange(odd, odd + 3, 1, i64)) == Integers{odd, odd + 1, odd + 2});
  CHECK(integers(arange(odd, odd - 4, -2, i64)) == Integers{odd, odd - 2});
  CHECK(integers(arange(largest - 1, largest, 1, i64)) == Integers{largest - 1});
  CHECK(integers(arange(least, largest, Index{1} << 62, i64)) == Integers{least, -(Index{1} << 62), 0, Index{1} << 62});
  CHECK(integers(arange(largest, least, least, i64)) == Integers{largest, -1});
  CHECK(arange(5, 5, 1, i64).numel() == 0);
  CHECK(arange(5, 2, 1, i64).numel() == 0);
  CHECK(arange(0, 1, 0.25).to_vector<double>() == std::vector<double>{0, 0.25, 0.5, 0.75});
  CHECK_THROWS_WITH_AS(arange(least, largest, 1, i64),
                       "arange: no end to start -9223372036854775808, stop 9223372036854775807, step 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(arange(0, std::nan(""), 1), Contains("no end"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(arange(0, 1, 0), "arange: step must not be 0", std::invalid_argument);
}
