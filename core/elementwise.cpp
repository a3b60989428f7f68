#include <ravine/core/elementwise.hpp>

#include <limits>

#include <ravine/core/map.hpp>
#include <ravine/core/text.hpp>

namespace ravine {

using detail::check_floating;
using detail::map;
using detail::map_same;
using kernels::Op;

Tensor operator+(Tensor a, Tensor b) { return map(Op::add, {std::move(a), std::move(b)}); }
Tensor operator-(Tensor a, Tensor b) { return map(Op::sub, {std::move(a), std::move(b)}); }
Tensor operator*(Tensor a, Tensor b) { return map(Op::mul, {std::move(a), std::move(b)}); }
Tensor operator/(Tensor a, Tensor b) { return map(Op::div, {std::move(a), std::move(b)}); }
Tensor operator+(Tensor a, Scalar b) { return map(Op::add, {std::move(a), b}); }
Tensor operator-(Tensor a, Scalar b) { return map(Op::sub, {std::move(a), b}); }
Tensor operator*(Tensor a, Scalar b) { return map(Op::mul, {std::move(a), b}); }
Tensor operator/(Tensor a, Scalar b) { return map(Op::div, {std::move(a), b}); }
Tensor operator+(Scalar a, Tensor b) { return map(Op::add, {std::move(b), a}); }
Tensor operator-(Scalar a, Tensor b) { return map(Op::sub, {a, std::move(b)}); }
Tensor operator*(Scalar a, Tensor b) { return map(Op::mul, {std::move(b), a}); }
Tensor operator/(Scalar a, Tensor b) { return map(Op::div, {a, std::move(b)}); }
Tensor operator-(Tensor x) { return map(Op::neg, {std::move(x)}); }

Tensor maximum(Tensor a, Tensor b) { return map(Op::maximum, {std::move(a), std::move(b)}); }
Tensor minimum(Tensor a, Tensor b) { return map(Op::minimum, {std::move(a), std::move(b)}); }
Tensor maximum(Tensor a, Scalar b) { return map(Op::maximum, {std::move(a), b}); }
Tensor minimum(Tensor a, Scalar b) { return map(Op::minimum, {std::move(a), b}); }
Tensor pow(Tensor x, Tensor exponent) { return map(Op::pow, {std::move(x), std::move(exponent)}); }
Tensor pow(Tensor x, Scalar exponent) {
  check_floating("pow", x);
  const double p = exponent.value();
  if (p == 1.0) return x.unique() ? x : x.clone();
  if (p == 2.0) return square(std::move(x));
  if (p == 3.0) return map(Op::cube, {std::move(x)});
  if (p == -1.0) return reciprocal(std::move(x));
  if (p == 0.5) return sqrt(std::move(x));
  if (p == -0.5) return rsqrt(std::move(x));
  if (p == -2.0) return square(reciprocal(std::move(x)));  // whose range is larger than that of 1 / x^2
  return map(Op::pow, {std::move(x), exponent});
}

namespace {

/// What stands in place of a limit that is missing.
Scalar lowest(DType dtype) {
  if (is_floating(dtype)) return -std::numeric_limits<double>::infinity();
  return dtype == i64 ? std::numeric_limits<Index>::min() : 0;
}
Scalar highest(DType dtype) {
  if (is_floating(dtype)) return std::numeric_limits<double>::infinity();
  return dtype == i64 ? std::numeric_limits<Index>::max() : 255;
}

}  // namespace

Tensor clamp(Tensor x, std::optional<Scalar> lo, std::optional<Scalar> hi) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!lo && !hi) throw std::invalid_argument("clamp: needs a limit, got none");
  const Scalar low = lo.value_or(-infinity), high = hi.value_or(infinity);
  const bool integral = low.integral() && high.integral();
  if (!(integral ? low.to<Index>() <= high.to<Index>() : low.value() <= high.value()))
    throw std::invalid_argument(detail::text("clamp: the limits are not in order: ", low, ", ", high));
  return map(Op::clamp, {std::move(x), lo.value_or(lowest(x.dtype())), hi.value_or(highest(x.dtype()))});
}

Tensor eq(const Tensor& a, const Tensor& b) { return map(Op::eq, {a, b}); }
Tensor ne(const Tensor& a, const Tensor& b) { return map(Op::ne, {a, b}); }
Tensor lt(const Tensor& a, const Tensor& b) { return map(Op::lt, {a, b}); }
Tensor le(const Tensor& a, const Tensor& b) { return map(Op::le, {a, b}); }
Tensor gt(const Tensor& a, const Tensor& b) { return map(Op::gt, {a, b}); }
Tensor ge(const Tensor& a, const Tensor& b) { return map(Op::ge, {a, b}); }
Tensor eq(const Tensor& a, Scalar b) { return map(Op::eq, {a, b}); }
Tensor ne(const Tensor& a, Scalar b) { return map(Op::ne, {a, b}); }
Tensor lt(const Tensor& a, Scalar b) { return map(Op::lt, {a, b}); }
Tensor le(const Tensor& a, Scalar b) { return map(Op::le, {a, b}); }
Tensor gt(const Tensor& a, Scalar b) { return map(Op::gt, {a, b}); }
Tensor ge(const Tensor& a, Scalar b) { return map(Op::ge, {a, b}); }
Tensor isfinite(const Tensor& x) { return map(Op::isfinite, {x}); }

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  if (condition.dtype() != u8)
    throw DTypeError(detail::text("where: the condition must be u8, got ", condition.dtype()));
  detail::check_dtypes("where", a, b);
  if (a.shape() != b.shape() || a.shape() != condition.shape())  // named in the order of the arguments
    detail::broadcast_shapes("where", condition.shape(), detail::broadcast_shapes("where", a.shape(), b.shape()));
  return map(Op::where, {a, b, condition});
}

Tensor abs(Tensor x) { return map(Op::abs, {std::move(x)}); }
Tensor sign(Tensor x) { return map(Op::sign, {std::move(x)}); }
Tensor square(Tensor x) { return map(Op::square, {std::move(x)}); }
Tensor sqrt(Tensor x) { return map(Op::sqrt, {std::move(x)}); }
Tensor rsqrt(Tensor x) { return map(Op::rsqrt, {std::move(x)}); }
Tensor reciprocal(Tensor x) { return map(Op::reciprocal, {std::move(x)}); }
Tensor exp(Tensor x) { return map(Op::exp, {std::move(x)}); }
Tensor log(Tensor x) { return map(Op::log, {std::move(x)}); }
Tensor log2(Tensor x) { return map(Op::log2, {std::move(x)}); }
Tensor log1p(Tensor x) { return map(Op::log1p, {std::move(x)}); }
Tensor expm1(Tensor x) { return map(Op::expm1, {std::move(x)}); }
Tensor sin(Tensor x) { return map(Op::sin, {std::move(x)}); }
Tensor cos(Tensor x) { return map(Op::cos, {std::move(x)}); }
Tensor tan(Tensor x) { return map(Op::tan, {std::move(x)}); }
Tensor atan(Tensor x) { return map(Op::atan, {std::move(x)}); }
Tensor erf(Tensor x) { return map(Op::erf, {std::move(x)}); }
Tensor tanh(Tensor x) { return map(Op::tanh, {std::move(x)}); }
Tensor sigmoid(Tensor x) { return map(Op::sigmoid, {std::move(x)}); }
Tensor relu(Tensor x) { return map(Op::relu, {std::move(x)}); }
Tensor floor(Tensor x) { return map(Op::floor, {std::move(x)}); }
Tensor ceil(Tensor x) { return map(Op::ceil, {std::move(x)}); }
Tensor round(Tensor x) { return map(Op::round, {std::move(x)}); }

Tensor softplus(Tensor x, double beta) {
  check_floating("softplus", x);
  if (!(beta > 0)) throw std::invalid_argument(detail::text("softplus: beta must be > 0, got ", beta));
  return map(Op::softplus, {std::move(x), beta});
}

Tensor relu_pullback(Tensor dy, const Tensor& y) { return map_same(Op::relu_pullback, {std::move(dy), y}); }
Tensor tanh_pullback(Tensor dy, const Tensor& y) { return map_same(Op::tanh_pullback, {std::move(dy), y}); }
Tensor sigmoid_pullback(Tensor dy, const Tensor& y) { return map_same(Op::sigmoid_pullback, {std::move(dy), y}); }

}  // namespace ravine
