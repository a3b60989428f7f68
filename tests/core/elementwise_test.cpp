#include <ravine/core/elementwise.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include <ravine/core/factories.hpp>

#include "reference.hpp"

using namespace ravine;
using doctest::Contains;

namespace {

struct Unary {
  const char* name;
  Tensor (*op)(Tensor);
  double (*exact)(double);
  double low, high;  // random arguments come from here
  double at_zero, at_infinity, at_minus_infinity;
  double at_nan = nan_value;
};

double sigmoid_of(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double sign_of(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : 0.0; }

const Unary unaries[] = {
    {"neg", [](Tensor x) { return -std::move(x); }, [](double x) { return -x; }, -3, 3, 0, -infinity, infinity},
    {"abs", abs, [](double x) { return std::abs(x); }, -3, 3, 0, infinity, infinity},
    {"sign", sign, sign_of, -3, 3, 0, 1, -1, 0},
    {"square", square, [](double x) { return x * x; }, -3, 3, 0, infinity, infinity},
    {"sqrt", sqrt, [](double x) { return std::sqrt(x); }, 0, 9, 0, infinity, nan_value},
    {"rsqrt", rsqrt, [](double x) { return 1.0 / std::sqrt(x); }, 0.1, 9, infinity, 0, nan_value},
    {"reciprocal", reciprocal, [](double x) { return 1.0 / x; }, 0.2, 9, infinity, 0, 0},
    {"exp", exp, [](double x) { return std::exp(x); }, -8, 3, 1, infinity, 0},
    {"log", log, [](double x) { return std::log(x); }, 0.001, 40, -infinity, infinity, nan_value},
    {"log2", log2, [](double x) { return std::log2(x); }, 0.001, 40, -infinity, infinity, nan_value},
    {"log1p", log1p, [](double x) { return std::log1p(x); }, -0.99, 5, 0, infinity, nan_value},
    {"expm1", expm1, [](double x) { return std::expm1(x); }, -8, 3, 0, infinity, -1},
    {"sin", sin, [](double x) { return std::sin(x); }, -20, 20, 0, nan_value, nan_value},
    {"cos", cos, [](double x) { return std::cos(x); }, -20, 20, 1, nan_value, nan_value},
    {"tan", tan, [](double x) { return std::tan(x); }, -20, 20, 0, nan_value, nan_value},
    {"atan", atan, [](double x) { return std::atan(x); }, -20, 20, 0, std::atan(infinity), -std::atan(infinity)},
    {"floor", floor, [](double x) { return std::floor(x); }, -9, 9, 0, infinity, -infinity},
    {"ceil", ceil, [](double x) { return std::ceil(x); }, -9, 9, 0, infinity, -infinity},
    {"round", round, [](double x) { return std::nearbyint(x); }, -9, 9, 0, infinity, -infinity},
    {"erf", erf, [](double x) { return std::erf(x); }, -4, 4, 0, 1, -1},
    {"tanh", tanh, [](double x) { return std::tanh(x); }, -9, 9, 0, 1, -1},
    {"sigmoid", sigmoid, sigmoid_of, -12, 12, 0.5, 1, 0},
    {"relu", relu, [](double x) { return std::max(x, 0.0); }, -3, 3, 0, infinity, 0},
    {"softplus", [](Tensor x) { return softplus(std::move(x)); }, [](double x) { return std::log1p(std::exp(x)); }, -9,
     9, std::log(2.0), infinity, 0},
};

}  // namespace

TEST_CASE("unary ops agree with the standard library, at every length") {
  for (const Unary& u : unaries)
    for (const DType dtype : {f32, f64})
      for (const Index n : {0, 1, 3, 7, 8, 15, 16, 17, 33, 1000, 70001}) {
        CAPTURE(std::string(u.name));
        CAPTURE(std::string(name(dtype)));
        CAPTURE(n);
        const Tensor x = random_between(u.low, u.high, {n}, dtype);
        std::vector<double> expected = values(x);
        for (double& v : expected) v = u.exact(v);
        CHECK(worst_error(u.op(x), expected) <= rounding(dtype));
        CHECK(u.op(x).dtype() == dtype);
      }
}

TEST_CASE("unary ops at zero, infinity and NaN") {
  for (const Unary& u : unaries)
    for (const DType dtype : {f32, f64}) {
      CAPTURE(std::string(u.name));
      CAPTURE(std::string(name(dtype)));
      const Tensor y = u.op(tensor({0.0, infinity, -infinity, nan_value, 1.0}, dtype));
      CHECK(worst_error(y.slice(0, 0, 4), {u.at_zero, u.at_infinity, u.at_minus_infinity, u.at_nan}) <=
            rounding(dtype));
      // The same for a single value, which takes another way than one in the middle of a block.
      CHECK(worst_error(u.op(scalar(nan_value, dtype)), {u.at_nan}) == 0);
      const Tensor many = u.op(full({40}, infinity, dtype));
      CHECK(worst_error(many, std::vector<double>(40, u.at_infinity)) <= rounding(dtype));
    }
}

namespace {

/// |found - exact| in units of the exact value's last place.
double ulps(double found, long double exact, DType dtype) {
  if (static_cast<long double>(found) == exact) return 0.0;
  const int digits = dtype == f32 ? 23 : 52, least = dtype == f32 ? -126 : -1022;
  const int exponent = exact == 0.0L ? least : std::max(std::ilogb(exact), least);
  return static_cast<double>(std::abs(static_cast<long double>(found) - exact) / std::ldexp(1.0L, exponent - digits));
}

}  // namespace

TEST_CASE("new functions are within 2 units of the last place in f32, 3 in f64, of long double, wherever they are") {
  struct Row {
    const char* name;
    Tensor (*op)(Tensor);
    long double (*exact)(long double);
    double low, high;  // of the exponent to the base 10
    bool also_negative;
  };
  const Row rows[] = {
      {"rsqrt", rsqrt, [](long double x) { return 1.0L / std::sqrt(x); }, -37, 38, false},
      {"reciprocal", reciprocal, [](long double x) { return 1.0L / x; }, -37, 37, true},
      {"log2", log2, [](long double x) { return std::log2(x); }, -37, 38, false},
      {"log2 near 1", log2, [](long double x) { return std::log2(x); }, -1e-3, 1e-3, false},
      {"tan", tan, [](long double x) { return std::tan(x); }, -20, 5, true},
      {"atan", atan, [](long double x) { return std::atan(x); }, -20, 38, true},
      {"floor", floor, [](long double x) { return std::floor(x); }, -3, 20, true},
      {"ceil", ceil, [](long double x) { return std::ceil(x); }, -3, 20, true},
      {"round", round, [](long double x) { return std::nearbyint(x); }, -3, 20, true},
  };
  for (const Row& row : rows)
    for (const DType dtype : {f32, f64}) {
      CAPTURE(std::string(row.name));
      CAPTURE(std::string(name(dtype)));
      std::vector<double> arguments = values(random_between(row.low, row.high, {4000}, f64));
      for (std::size_t i = 0; i < arguments.size(); ++i)
        arguments[i] = std::pow(10.0, arguments[i]) * (row.also_negative && i % 2 ? -1.0 : 1.0);
      const Tensor x = tensor(arguments, dtype), y = row.op(x);
      const std::vector<double> at = values(x), found = values(y);
      double worst = 0.0;
      for (std::size_t i = 0; i < at.size(); ++i)
        worst = std::max(worst, ulps(found[i], row.exact(static_cast<long double>(at[i])), dtype));
      CHECK(worst <= (dtype == f32 ? 2.0 : 3.0));
    }
}

TEST_CASE("steps: even between two, signs of zeros, and numbers that have no fraction") {
  for (const DType dtype : {f32, f64}) {
    const Tensor x = tensor({0.5, 1.5, 2.5, -0.5, -1.5, 0.49999997, 8388609.0, -1e30}, dtype);
    CHECK(values(round(x)) == std::vector<double>{0, 2, 2, 0, -2, 0, 8388609.0, values(x)[7]});
    CHECK(values(floor(x)) == std::vector<double>{0, 1, 2, -1, -2, 0, 8388609.0, values(x)[7]});
    CHECK(values(ceil(x)) == std::vector<double>{1, 2, 3, 0, -1, 1, 8388609.0, values(x)[7]});
    for (const double y : {round(x).at({3}), ceil(x).at({3}), floor(tensor({-0.0}, dtype)).item()})
      CHECK(std::signbit(y));
    CHECK(log2(tensor({1024, 0.125}, dtype)).to_vector<double>() == std::vector<double>{10, -3});
    CHECK(reciprocal(tensor({-0.0}, dtype)).item() == -infinity);
    CHECK(std::isnan(rsqrt(tensor({-1.0}, dtype)).item()));
  }
}

TEST_CASE("small arguments keep their relative accuracy") {
  for (const DType dtype : {f32, f64})
    for (const double x : {1e-3, -1e-3, 1e-6, -1e-6, 1e-12}) {
      CAPTURE(x);
      const Tensor t = full({3}, x, dtype);
      const double v = t.at({0}), tolerance = 2 * rounding(dtype);
      CHECK(log1p(t).at({1}) / std::log1p(v) == doctest::Approx(1).epsilon(tolerance));
      CHECK(expm1(t).at({1}) / std::expm1(v) == doctest::Approx(1).epsilon(tolerance));
      CHECK(tanh(t).at({1}) / std::tanh(v) == doctest::Approx(1).epsilon(tolerance));
      CHECK(sin(t).at({1}) / std::sin(v) == doctest::Approx(1).epsilon(tolerance));
      CHECK(erf(t).at({1}) / std::erf(v) == doctest::Approx(1).epsilon(tolerance));
    }
}

TEST_CASE("large arguments neither overflow nor get stuck") {
  for (const DType dtype : {f32, f64}) {
    const double big = dtype == f32 ? 200.0 : 2000.0;
    const Tensor x = tensor({big, -big}, dtype);
    CHECK(values(exp(x)) == std::vector<double>{infinity, 0});
    CHECK(values(sigmoid(x)) == std::vector<double>{1, 0});
    CHECK(values(tanh(x)) == std::vector<double>{1, -1});
    CHECK(values(softplus(x)) == std::vector<double>{big, 0});
    CHECK(values(softplus(x, 3.0)) == std::vector<double>{big, 0});
    const double most = dtype == f32 ? 1e38 : 1e308;  // three times that is too much
    CHECK(values(softplus(tensor({most, -most, infinity, -infinity}, dtype), 4.0)) ==
          std::vector<double>{tensor({most}, dtype).item(), 0, infinity, 0});
    CHECK(worst_error(sin(x), {std::sin(big), -std::sin(big)}) < 1e-6);
  }
}

TEST_CASE("softplus with a sharpness") {
  // log(1 + exp(2 * 0.5)) / 2 = log(1 + e) / 2
  CHECK(softplus(tensor({0.5}, f64), 2.0).item() ==
        doctest::Approx(std::log(1.0 + std::exp(1.0)) / 2.0).epsilon(1e-14));
  CHECK(values(softplus(tensor({3e38, -3e38}), 10.0)) == values(tensor({3e38, 0.0})));  // beta x overflows
  CHECK_THROWS_WITH_AS(softplus(ones({1}), 0.0), "softplus: beta must be > 0, got 0", std::invalid_argument);
  CHECK_THROWS_AS(softplus(ones({1}), nan_value), std::invalid_argument);
}

TEST_CASE("hand-worked arithmetic") {
  const Tensor a = tensor({1, 2, 3, 4}, {2, 2}), b = tensor({10, 20}, {2});
  CHECK(values(a + b) == std::vector<double>{11, 22, 13, 24});
  CHECK(values(a - b) == std::vector<double>{-9, -18, -7, -16});
  CHECK(values(a * b) == std::vector<double>{10, 40, 30, 80});
  CHECK(values(b / a) == std::vector<double>{10, 10, static_cast<double>(10.0f / 3.0f), 5});
  CHECK(values(a + 1) == std::vector<double>{2, 3, 4, 5});
  CHECK(values(1 - a) == std::vector<double>{0, -1, -2, -3});
  CHECK(values(a - 1) == std::vector<double>{0, 1, 2, 3});
  CHECK(values(2 * a) == std::vector<double>{2, 4, 6, 8});
  CHECK(values(a * 2.5) == std::vector<double>{2.5, 5, 7.5, 10});
  CHECK(values(12 / a) == std::vector<double>{12, 6, 4, 3});
  CHECK(values(a / 4) == std::vector<double>{0.25, 0.5, 0.75, 1});
  CHECK(values(-a) == std::vector<double>{-1, -2, -3, -4});
  CHECK(values(maximum(a, 2.5)) == std::vector<double>{2.5, 2.5, 3, 4});
  CHECK(values(minimum(a, 2.5)) == std::vector<double>{1, 2, 2.5, 2.5});
  CHECK(values(clamp(a, 2, 3)) == std::vector<double>{2, 2, 3, 3});
  CHECK(values(pow(a, 3)) == std::vector<double>{1, 8, 27, 64});
  CHECK(values(pow(a, 2)) == std::vector<double>{1, 4, 9, 16});
  CHECK(values(pow(a, 1)) == std::vector<double>{1, 2, 3, 4});
  CHECK(values(pow(a, 0)) == std::vector<double>{1, 1, 1, 1});
  CHECK(values(pow(a, -1)) == values(1 / a));
  CHECK(values(pow(tensor({4, 9}), 0.5)) == std::vector<double>{2, 3});
  CHECK(values(where(tensor({1, 0}, u8), a, b)) == std::vector<double>{1, 20, 3, 20});
  CHECK(values(relu_pullback(tensor({5, 6, 7}), tensor({-1, 0, 2}))) == std::vector<double>{0, 0, 7});
  CHECK(values(tanh_pullback(tensor({2}), tensor({0.5}))) == std::vector<double>{1.5});
  CHECK(values(sigmoid_pullback(tensor({2}), tensor({0.25}))) == std::vector<double>{0.375});
}

TEST_CASE("NaN and infinity pass through two operands") {
  const Tensor a = tensor({nan_value, 1, nan_value, infinity, 0}), b = tensor({1, nan_value, nan_value, infinity, 0});
  for (const Tensor& y : {a + b, a * b, maximum(a, b), minimum(a, b), a / b})
    for (const Index i : {0, 1, 2}) CHECK(std::isnan(y.at({i})));
  CHECK(std::isnan((a - b).at({3})));
  CHECK(std::isnan((a / b).at({4})));
  CHECK((ones({1}) / zeros({1})).item() == infinity);
  CHECK(std::isnan(maximum(a, 0).at({0})));
  CHECK(std::isnan(minimum(tensor({1.0}), nan_value).item()));
  CHECK(std::isnan(clamp(a, 0, 1).at({0})));
  CHECK(values(clamp(tensor({infinity, -infinity}), -1, 1)) == std::vector<double>{1, -1});
  CHECK(std::isnan(pow(tensor({-1.0}), 0.5).item()));
  CHECK(pow(tensor({nan_value}), 0).item() == 1);
  CHECK(values(where(tensor({1, 0}, u8), tensor({1.0, nan_value}), tensor({nan_value, 2.0}))) ==
        std::vector<double>{1, 2});
  CHECK(values(isfinite(tensor({nan_value, infinity, -infinity, 1e30}))) == std::vector<double>{0, 0, 0, 1});
  CHECK(values(isfinite(tensor({1, 2}, i64))) == std::vector<double>{1, 1});
}

TEST_CASE("comparisons") {
  const Tensor a = tensor({1, 2, 3, nan_value}), b = tensor({2, 2, 2, nan_value});
  const auto are = [](const Tensor& y, std::vector<double> expected) {
    return y.dtype() == u8 && values(y) == expected;
  };
  CHECK(are(eq(a, b), {0, 1, 0, 0}));
  CHECK(are(ne(a, b), {1, 0, 1, 1}));
  CHECK(are(lt(a, b), {1, 0, 0, 0}));
  CHECK(are(le(a, b), {1, 1, 0, 0}));
  CHECK(are(gt(a, b), {0, 0, 1, 0}));
  CHECK(are(ge(a, b), {0, 1, 1, 0}));
  CHECK(are(eq(a, 2), {0, 1, 0, 0}));
  CHECK(are(ne(a, 2), {1, 0, 1, 1}));
  CHECK(are(lt(a, 2), {1, 0, 0, 0}));
  CHECK(are(le(a, 2), {1, 1, 0, 0}));
  CHECK(are(gt(a, 2), {0, 0, 1, 0}));
  CHECK(are(ge(a, 2), {0, 1, 1, 0}));
  CHECK(are(gt(tensor({5, 7}, i64), 6), {0, 1}));
  CHECK(are(eq(tensor({5, 7}, u8), tensor({{5}, {7}}, u8)), {1, 0, 0, 1}));
}

TEST_CASE("integers stay integers, and wrap as their type does") {
  const Tensor i = tensor({7, -2, 3}, i64), bytes = tensor({250, 3}, u8);
  CHECK(values(i + i) == std::vector<double>{14, -4, 6});
  CHECK(values(i * 3 - 1) == std::vector<double>{20, -7, 8});
  CHECK(values(1 - i) == std::vector<double>{-6, 3, -2});
  CHECK(values(-i) == std::vector<double>{-7, 2, -3});
  CHECK(values(maximum(i, 0)) == std::vector<double>{7, 0, 3});
  CHECK(values(minimum(i, tensor({3}, i64))) == std::vector<double>{3, -2, 3});
  CHECK(values(clamp(i, -1, 4)) == std::vector<double>{4, -1, 3});
  CHECK(values(bytes + 10) == std::vector<double>{4, 13});
  CHECK(values(bytes * tensor({2, 2}, u8)) == std::vector<double>{244, 6});
  CHECK(values(bytes - 4) == std::vector<double>{246, 255});
  CHECK(values(-bytes) == std::vector<double>{6, 253});
  CHECK((i + i).dtype() == i64);
  CHECK((bytes + bytes).dtype() == u8);
}

TEST_CASE("a number that an integer tensor cannot hold is refused, not bent") {
  const Tensor bytes = tensor({0, 255}, u8);
  CHECK_THROWS_WITH_AS(bytes + 300, "add: 300 does not fit a tensor of u8; convert it with to()", DTypeError);
  CHECK_THROWS_WITH_AS(eq(bytes, -1), "eq: -1 does not fit a tensor of u8; convert it with to()", DTypeError);
  CHECK_THROWS_WITH_AS(lt(bytes, 256), "lt: 256 does not fit a tensor of u8; convert it with to()", DTypeError);
  CHECK_THROWS_WITH_AS(clamp(bytes, -5, 5), "clamp: -5 does not fit a tensor of u8; convert it with to()", DTypeError);
  CHECK(values(eq(bytes, 255)) == std::vector<double>{0, 1});
}

TEST_CASE("types do not mix, and the message says so") {
  const Tensor f = ones({2}), d = ones({2}, f64), i = ones({2}, i64), bytes = ones({2}, u8);
  CHECK_THROWS_WITH_AS(f + d, "add: dtypes differ: f32 and f64; convert one with to()", DTypeError);
  CHECK_THROWS_WITH_AS(f - i, "sub: dtypes differ: f32 and i64; convert one with to()", DTypeError);
  CHECK_THROWS_WITH_AS(bytes * f, "mul: dtypes differ: u8 and f32; convert one with to()", DTypeError);
  CHECK_THROWS_WITH_AS(maximum(f, d), Contains("maximum: dtypes differ"), DTypeError);
  CHECK_THROWS_WITH_AS(eq(i, bytes), "eq: dtypes differ: i64 and u8; convert one with to()", DTypeError);
  CHECK_THROWS_WITH_AS(where(bytes, f, d), Contains("where: dtypes differ: f32 and f64"), DTypeError);
  CHECK_THROWS_WITH_AS(where(f, f, f), "where: the condition must be u8, got f32", DTypeError);
  CHECK_THROWS_WITH_AS(bytes / 255.0, "div: a floating scalar with a tensor of u8; convert it with to()", DTypeError);
  CHECK_THROWS_WITH_AS(i * 2.0, "mul: a floating scalar with a tensor of i64; convert it with to()", DTypeError);
  CHECK_THROWS_WITH_AS(0.5 - i, Contains("sub: a floating scalar with a tensor of i64"), DTypeError);
  CHECK_THROWS_WITH_AS(lt(bytes, 0.5), Contains("lt: a floating scalar with a tensor of u8"), DTypeError);
  CHECK_THROWS_WITH_AS(bytes / 255, "div: needs a floating tensor (f32 or f64), got u8", DTypeError);
  CHECK_THROWS_WITH_AS(i / i, "div: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(exp(i), "exp: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(rsqrt(i), "rsqrt: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(reciprocal(i), "reciprocal: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(floor(i), "floor: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(relu(bytes), "relu: needs a floating tensor (f32 or f64), got u8", DTypeError);
  CHECK_THROWS_WITH_AS(pow(i, 3), "pow: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(pow(i, 2), "pow: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(pow(i, 1), "pow: needs a floating tensor (f32 or f64), got i64", DTypeError);
  CHECK_THROWS_WITH_AS(softplus(i), Contains("needs a floating tensor (f32 or f64), got i64"), DTypeError);
  CHECK((f + 1).dtype() == f32);
  CHECK((1.5 * d).dtype() == f64);
  CHECK((d + 0.1).at({0}) == 1.1);  // the scalar is not rounded to f32 on the way
}

TEST_CASE("the limits of clamp are in order") {
  CHECK_THROWS_WITH_AS(clamp(ones({1}), 2.0, 1.0), "clamp: the limits are not in order: 2, 1", std::invalid_argument);
  CHECK_THROWS_AS(clamp(ones({1}), nan_value, 1.0), std::invalid_argument);
  CHECK(clamp(full({1}, 5), 1, 1).item() == 1);
}

TEST_CASE("one limit of clamp may be missing, not both") {
  const Tensor x = tensor({-2, nan_value, 0.5, infinity, -infinity});
  CHECK(worst_error(clamp(x, 0.0, std::nullopt), {0, nan_value, 0.5, infinity, 0}) == 0);
  CHECK(worst_error(clamp(x, {}, 0.0), {-2, nan_value, 0, 0, -infinity}) == 0);
  CHECK(values(clamp(tensor({-5, 5}, i64), -1, {})) == std::vector<double>{-1, 5});
  CHECK(values(clamp(tensor({3, 200}, u8), std::nullopt, 100)) == std::vector<double>{3, 100});
  CHECK_THROWS_WITH_AS(clamp(x, std::nullopt, std::nullopt), "clamp: needs a limit, got none", std::invalid_argument);
  CHECK_THROWS_WITH_AS(clamp(x, nan_value, {}), "clamp: the limits are not in order: nan, inf", std::invalid_argument);
  CHECK_THROWS_WITH_AS(clamp(x, {}, nan_value), "clamp: the limits are not in order: -inf, nan", std::invalid_argument);
  CHECK_THROWS_WITH_AS(clamp(tensor({1}, u8), {}, 256), "clamp: 256 does not fit a tensor of u8; convert it with to()",
                       DTypeError);
}

TEST_CASE("equal values give equal bits at any place of an array of any length") {
  for (const Unary& u : unaries)
    for (const DType dtype : {f32, f64}) {
      CAPTURE(std::string(u.name));
      CAPTURE(std::string(name(dtype)));
      const Tensor x = random_between(u.low, u.high, {37}, dtype), y = u.op(x);
      for (Index begin = 0; begin < 37; ++begin)
        for (const Index end : {begin + 1, (begin + 38) / 2, Index{37}})
          if (!bitwise_equal(u.op(x.slice(0, begin, end)), y.slice(0, begin, end))) FAIL_CHECK(begin << " to " << end);
    }
}

TEST_CASE("two operands give equal bits at any place, and for one repeated value") {
  using Binary = Tensor (*)(Tensor, Tensor);
  const std::pair<const char*, Binary> ops[] = {{"mul", operator* }, {"div", operator/ }, {"pow", pow}};
  for (const auto& entry : ops)
    for (const DType dtype : {f32, f64}) {
      CAPTURE(std::string(entry.first));
      const Binary op = entry.second;
      const Tensor a = random_between(0.1, 2.0, {45}, dtype, 1), b = random_between(0.1, 2.0, {45}, dtype, 2);
      const Tensor y = op(a, b);
      for (Index i = 0; i < 45; ++i) {
        CHECK(bitwise_equal(op(a.slice(0, i, 45), b.slice(0, i, 45)), y.slice(0, i, 45)));
        CHECK(bitwise_equal(op(a, b[i])[i], y[i]));
        CHECK(bitwise_equal(op(a[i], b)[i], y[i]));
        CHECK(bitwise_equal(op(a[i], b[i]), y[i]));
      }
    }
}

TEST_CASE("fused gradients give equal bits at any place, and need equal shapes") {
  const Tensor dy = random_tensor({45}, f32, 1), y = random_between(0, 1, {45}, f32, 2);
  const Tensor t = tanh_pullback(dy, y), s = sigmoid_pullback(dy, y);
  for (Index i = 0; i < 45; ++i) {
    CHECK(bitwise_equal(tanh_pullback(dy.slice(0, i, 45), y.slice(0, i, 45)), t.slice(0, i, 45)));
    CHECK(bitwise_equal(sigmoid_pullback(dy.slice(0, i, 45), y.slice(0, i, 45)), s.slice(0, i, 45)));
  }
  CHECK_THROWS_WITH_AS(relu_pullback(dy, y[0]), "relu_pullback: (45) for ()", ShapeError);
  CHECK_THROWS_WITH_AS(tanh_pullback(dy, y.to(f64)), Contains("tanh_pullback: dtypes differ: f32 and f64"), DTypeError);
}

TEST_CASE("elementwise results do not depend on the number of threads") {
  const Tensor a = random_tensor({3, 40000}, f32, 1), b = random_tensor({3, 40000}, f32, 2);
  CHECK(same_bits_on_any_threads([&] { return a / b; }));
  CHECK(same_bits_on_any_threads([&] { return a * 1.1; }));
  CHECK(same_bits_on_any_threads([&] { return tanh(a); }));
  CHECK(same_bits_on_any_threads([&] { return a + b[1]; }));
  CHECK(same_bits_on_any_threads([&] { return tanh_pullback(a, b); }));
  const Tensor column = random_tensor({3, 40000, 1}, f32, 3), pair = random_tensor({2}, f32, 4);
  CHECK(same_bits_on_any_threads([&] { return column * pair; }));
  CHECK(same_bits_on_any_threads([&] { return gt(a, b); }));
  CHECK(same_bits_on_any_threads([&] { return where(gt(a, 0.0), a, b[0]); }));
  CHECK(same_bits_on_any_threads([&] { return clamp(a, -0.5, 0.5).to(i64) * a.to(i64); }));
}

TEST_CASE("runs of every length, cut by threads in the middle of a row, are where they belong") {
  for (const Shape& shape : {Shape{70000, 3}, Shape{3, 70001}, Shape{20, 50, 101}}) {
    const Tensor x = random_tensor(shape, f64, 1);
    Shape kept = shape;
    kept[shape.rank() - 1] = 1;
    const Tensor row = random_tensor({shape[shape.rank() - 1]}, f64, 2), column = random_tensor(kept, f64, 3);
    const auto plus = [](double a, double b) { return a + b; };
    CHECK(values(x + row) == broadcast_loop(x, row, shape, plus));
    CHECK(values(column + x) == broadcast_loop(column, x, shape, plus));
    CHECK(values(row + column) == broadcast_loop(row, column, shape, plus));
    CHECK(values(gt(x, column)) ==
          broadcast_loop(x, column, shape, [](double a, double b) { return a > b ? 1.0 : 0.0; }));
  }
}

TEST_CASE("integers wrap around at every length, and keep all digits") {
  for (const Index n : {1, 7, 8, 63, 64, 65, 200}) {
    const Tensor large = full({n}, std::numeric_limits<Index>::max(), i64), bytes = full({n}, 200, u8);
    CHECK(bitwise_equal(large + 1, full({n}, std::numeric_limits<Index>::min(), i64)));
    CHECK(bitwise_equal(large * 3, full({n}, std::numeric_limits<Index>::max() - 2, i64)));
    CHECK(bitwise_equal(maximum(large - 1, large - 2), full({n}, std::numeric_limits<Index>::max() - 1, i64)));
    CHECK(bitwise_equal(gt(large, large - 1), ones({n}, u8)));
    CHECK(bitwise_equal(bytes + bytes, full({n}, 144, u8)));
    CHECK(bitwise_equal(-bytes, full({n}, 56, u8)));
    CHECK(bitwise_equal(clamp(bytes, {}, 100), full({n}, 100, u8)));
  }
}
