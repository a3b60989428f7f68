#include <ravine/autograd/gradcheck.hpp>

#include <doctest/doctest.h>

#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>

#include "../core/reference.hpp"

using namespace ravine;
using doctest::Contains;
using Variables = std::vector<Variable>;

namespace {

/// x^2 whose pullback is what `slope` makes of dy and x.
template <class F>
Variable square_with(const Variable& x, F slope) {
  return record("planted", square(x.value()), {{x, [x, slope](const Variable& dy) { return slope(dy, x); }}});
}

template <class F>
GradcheckReport check_square_with(F slope, bool second_order = false) {
  return gradcheck([&](const Variables& x) { return square_with(x[0], slope); }, {tensor({0.5, -1.5, 2}, f64)},
                   {.second_order = second_order});
}

}  // namespace

TEST_CASE("right derivatives pass, and all are compared") {
  const auto right = [](const Variable& dy, const Variable& x) { return dy * x * 2.0; };
  const GradcheckReport first = check_square_with(right), second = check_square_with(right, true);
  CHECK(first);
  CHECK(first.compared == 3);
  CHECK(first.message.empty());
  CHECK(first.worst < 1e-8);
  CHECK(second);
  CHECK(second.compared == 9);
}

TEST_CASE("a planted error is found: sign, factor, missing input") {
  CHECK_FALSE(check_square_with([](const Variable& dy, const Variable& x) { return dy * x * -2.0; }));
  CHECK_FALSE(check_square_with([](const Variable& dy, const Variable& x) { return dy * x; }));
  CHECK_FALSE(check_square_with([](const Variable& dy, const Variable&) { return dy * 2.0; }));
  CHECK_FALSE(check_square_with([](const Variable& dy, const Variable& x) { return dy * 0.0 + x * 2.0; }));  // no dy
  const GradcheckReport small =
      check_square_with([](const Variable& dy, const Variable& x) { return dy * x * 2.0001; });
  CHECK_FALSE(small);
  CHECK(small.worst > 1e-5);
}

TEST_CASE("an error in one element or one input is found, and the message says where") {
  const auto wrong_third = [](const Variable& dy, const Variable& x) {
    return dy * x * Variable(tensor({2, 2, 3}, f64));
  };
  const GradcheckReport report = check_square_with(wrong_third);
  CHECK_FALSE(report);
  CHECK(report.message.find("gradcheck: first derivative, input 0, element (2): analytic ") == 0);

  const auto second_input = [](const Variables& x) {
    return record("planted", x[0].value() * x[1].value(),
                  {{x[0], [b = x[1]](const Variable& dy) { return dy * b; }},
                   {x[1], [a = x[0]](const Variable& dy) { return dy * (a + 0.001); }}});
  };
  const GradcheckReport where = gradcheck(second_input, {ones({2, 2}, f64), ones({2, 2}, f64)});
  CHECK_FALSE(where);
  CHECK(where.message.find("input 1, element (") != std::string::npos);
}

TEST_CASE("a transposed upstream gradient is found, though a plain sum would hide it") {
  const auto f = [](const Variables& x) {
    return record("planted", transpose(transpose(x[0].value())),
                  {{x[0], [](const Variable& dy) { return transpose(dy); }}});
  };
  CHECK_FALSE(gradcheck(f, {ones({2, 2}, f64)}));
}

TEST_CASE("a gradient that is wrong only when it is recorded is found by second order") {
  const auto f = [](const Variables& in) {
    return record("planted", square(in[0].value()), {{in[0], [x = in[0]](auto dy) {
                                                        constexpr bool recorded =
                                                            std::is_same_v<decltype(dy), Variable>;
                                                        return dy * like(dy, x) * (recorded ? 3.0 : 2.0);
                                                      }}});
  };
  CHECK(gradcheck(f, {tensor({0.5, 2}, f64)}));
  const GradcheckReport report = gradcheck(f, {tensor({0.5, 2}, f64)}, {.second_order = true});
  CHECK_FALSE(report);
  CHECK(report.message.find("gradcheck: recorded first derivative, input 0") == 0);
}

TEST_CASE("an error in the second derivative only is found by second order") {
  // The slope's value is right, but it is a constant: x is read as a tensor.
  const auto constant_slope = [](const Variable& dy, const Variable& x) { return dy * (x.value() * 2.0); };
  CHECK(check_square_with(constant_slope));
  const GradcheckReport report = check_square_with(constant_slope, true);
  CHECK_FALSE(report);
  CHECK(report.message.find("gradcheck: second derivative, input 0") == 0);
  CHECK(report.compared == 9);

  const auto wrong_curvature = [](const Variable& dy, const Variable& x) {
    return record(
        "slope", dy.value() * x.value() * 2.0,
        {{dy, [x](const Variable& d) { return d * x * 2.0; }}, {x, [dy](const Variable& d) { return d * dy * -2.0; }}});
  };
  CHECK(check_square_with(wrong_curvature));
  CHECK_FALSE(check_square_with(wrong_curvature, true));
}

TEST_CASE("NaN is no agreement") {
  const auto f = [](const Variable& dy, const Variable& x) { return dy * (x * nan_value); };
  CHECK_FALSE(check_square_with(f));
  CHECK_FALSE(gradcheck([](const Variables& x) { return sqrt(x[0]); }, {tensor({-1.0}, f64)}));
}

TEST_CASE("tolerances and step are as asked for") {
  const auto off = [](const Variable& dy, const Variable& x) { return dy * x * 2.001; };
  const auto report = [&](const GradcheckOptions& options) {
    return gradcheck([&](const Variables& x) { return square_with(x[0], off); }, {tensor({1, 2}, f64)}, options);
  };
  CHECK_FALSE(report({}));
  CHECK(report({.rtol = 2e-3}));
  CHECK(report({.rtol = 0, .atol = 1}));
  CHECK_FALSE(report({.rtol = 1e-4, .atol = 0}));
  const auto cubic = [](const Variables& x) { return pow(x[0], 3); };
  CHECK(gradcheck(cubic, {ones({1}, f64)}));
  CHECK_FALSE(gradcheck(cubic, {ones({1}, f64)}, {.eps = 0.1}));  // a step of 0.1 is off by 0.01
  CHECK_THROWS_WITH_AS(gradcheck(cubic, {ones({1}, f64)}, {.eps = 0}), "gradcheck: eps must be > 0, got 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(gradcheck(cubic, {ones({1})}), "gradcheck: needs f64 inputs, got f32", DTypeError);
}

TEST_CASE("inputs without a part, constants and functions of nothing") {
  const Tensor x = ones({2}, f64);
  CHECK(gradcheck([](const Variables& in) { return in[0] * 2; }, {x, x}, {.second_order = true}));
  CHECK(gradcheck([&](const Variables&) { return Variable(x); }, {x}, {.second_order = true}));
  CHECK(gradcheck([](const Variables& in) { return exp(in[0]); }, {zeros({0}, f64)}, {.second_order = true}));
}

TEST_CASE("the inputs are not changed") {
  const Tensor x = tensor({1, 2}, f64);
  gradcheck([](const Variables& in) { return exp(in[0]); }, {x}, {.second_order = true});
  CHECK(values(x) == std::vector<double>{1, 2});
}
