#include <ravine/autograd/math.hpp>

#include <numbers>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>

namespace ravine {

Variable sqrt(const Variable& x) {
  return record("sqrt", sqrt(x.value()), {{x, [](auto dy, const auto& y) { return std::move(dy) / (y * 2.0); }}});
}

Variable rsqrt(const Variable& x) {
  return record("rsqrt", rsqrt(x.value()),
                {{x, [](auto dy, const auto& y) { return std::move(dy) * (y * y * y) * -0.5; }}});
}

Variable reciprocal(const Variable& x) {
  return record("reciprocal", reciprocal(x.value()),
                {{x, [](auto dy, const auto& y) { return -(std::move(dy) * y * y); }}});
}

Variable exp(const Variable& x) {
  return record("exp", exp(x.value()), {{x, [](auto dy, const auto& y) { return std::move(dy) * y; }}});
}

Variable log(const Variable& x) {
  return record("log", log(x.value()), {{x, [x](auto dy) { return std::move(dy) / like(dy, x); }}});
}

Variable log2(const Variable& x) {
  return record("log2", log2(x.value()),
                {{x, [x](auto dy) { return std::move(dy) * std::numbers::log2e / like(dy, x); }}});
}

Variable log1p(const Variable& x) {
  return record("log1p", log1p(x.value()), {{x, [x](auto dy) { return std::move(dy) / (like(dy, x) + 1.0); }}});
}

Variable expm1(const Variable& x) {
  return record("expm1", expm1(x.value()), {{x, [x](auto dy) { return std::move(dy) * exp(like(dy, x)); }}});
}

Variable sin(const Variable& x) {
  return record("sin", sin(x.value()), {{x, [x](auto dy) { return std::move(dy) * cos(like(dy, x)); }}});
}

Variable cos(const Variable& x) {
  return record("cos", cos(x.value()), {{x, [x](auto dy) { return -(std::move(dy) * sin(like(dy, x))); }}});
}

Variable tan(const Variable& x) {
  return record("tan", tan(x.value()), {{x, [](auto dy, const auto& y) { return std::move(dy) * (square(y) + 1.0); }}});
}

Variable atan(const Variable& x) {
  return record("atan", atan(x.value()), {{x, [x](auto dy) { return std::move(dy) / (square(like(dy, x)) + 1.0); }}});
}

Variable erf(const Variable& x) {
  return record("erf", erf(x.value()), {{x, [x](auto dy) {
                                           const auto near = clamp(like(dy, x), -30.0, 30.0);  // beyond, it is 0
                                           return std::move(dy) *
                                                  (exp(-square(near)) * (2.0 * std::numbers::inv_sqrtpi));
                                         }}});
}

namespace {

/// The gradient of a function made of steps.
constexpr auto no_slope = [](auto dy) -> decltype(dy) { return zeros(dy.shape(), dy.dtype()); };

}  // namespace

Variable floor(const Variable& x) { return record("floor", floor(x.value()), {{x, no_slope}}); }
Variable ceil(const Variable& x) { return record("ceil", ceil(x.value()), {{x, no_slope}}); }
Variable round(const Variable& x) { return record("round", round(x.value()), {{x, no_slope}}); }

}  // namespace ravine
