#include <ravine/autograd/math.hpp>

#include <numbers>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/core/elementwise.hpp>

namespace ravine {

Variable sqrt(const Variable& x) {
  return record("sqrt", sqrt(x.value()), {{x, [](auto dy, const auto& y) { return std::move(dy) / (y * 2.0); }}});
}

Variable exp(const Variable& x) {
  return record("exp", exp(x.value()), {{x, [](auto dy, const auto& y) { return std::move(dy) * y; }}});
}

Variable log(const Variable& x) {
  return record("log", log(x.value()), {{x, [x](auto dy) { return std::move(dy) / like(dy, x); }}});
}

Variable log1p(const Variable& x) {
  return record("log1p", log1p(x.value()), {{x, [x](auto dy) { return std::move(dy) / (like(dy, x) + 1.0); }}});
}

Variable expm1(const Variable& x) {
  return record("expm1", expm1(x.value()), {{x, [](auto dy, const auto& y) { return std::move(dy) * (y + 1.0); }}});
}

Variable sin(const Variable& x) {
  return record("sin", sin(x.value()), {{x, [x](auto dy) { return std::move(dy) * cos(like(dy, x)); }}});
}

Variable cos(const Variable& x) {
  return record("cos", cos(x.value()), {{x, [x](auto dy) { return -(std::move(dy) * sin(like(dy, x))); }}});
}

Variable erf(const Variable& x) {
  return record(
      "erf", erf(x.value()),
      {{x, [x](auto dy) { return std::move(dy) * (exp(-square(like(dy, x))) * (2.0 * std::numbers::inv_sqrtpi)); }}});
}

}  // namespace ravine
