// Elementwise kernels: Eigen's array expressions on blocks of one cache line.
#include <Eigen/Core>
#include <cmath>
#include <limits>
#include <unsupported/Eigen/SpecialFunctions>

#include <ravine/core/kernels/kernels.hpp>

namespace ravine::kernels {
namespace {

template <class T>
constexpr Index width = 64 / sizeof(T);
template <class T>
using Block = Eigen::Array<T, width<T>, 1>;

// Whole blocks go straight through; the rest is padded to one, so that every element takes the same path and its bits
// do not depend on its place.
template <class T, class F>
void map1(const T* x, T* y, Index n, F f) {
  using In = Eigen::Map<const Block<T>>;
  using Out = Eigen::Map<Block<T>>;
  Index i = 0;
  for (; i + width<T> <= n; i += width<T>) Out(y + i) = f(In(x + i));
  if (i == n) return;
  Block<T> rest = Block<T>::Ones();
  for (Index j = 0; j < n - i; ++j) rest[j] = x[i + j];
  const Block<T> result = f(rest);
  for (Index j = 0; j < n - i; ++j) y[i + j] = result[j];
}

template <class T, class F>
void map2(const T* a, bool a_single, const T* b, bool b_single, T* y, Index n, F f) {
  if (a_single && b_single) {
    const T value = f(*a, *b);
#pragma omp simd
    for (Index i = 0; i < n; ++i) y[i] = value;
  } else if (a_single) {
    const T value = *a;
#pragma omp simd
    for (Index i = 0; i < n; ++i) y[i] = f(value, b[i]);
  } else if (b_single) {
    const T value = *b;
#pragma omp simd
    for (Index i = 0; i < n; ++i) y[i] = f(a[i], value);
  } else {
#pragma omp simd
    for (Index i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  }
}

// A kernel from an expression of one block, of one value, or of two.
template <class T, class F>
constexpr Map1<T> unary(F) {
  return [](const T* x, T* y, Index n) { map1(x, y, n, F{}); };
}
template <class T, class F>
constexpr Map1<T> single(F) {
  return [](const T* x, T* y, Index n) {
#pragma omp simd
    for (Index i = 0; i < n; ++i) y[i] = F{}(x[i]);
  };
}
template <class T, class F>
constexpr Map2<T> binary(F) {
  return [](const T* a, bool a_single, const T* b, bool b_single, T* y, Index n) {
    map2(a, a_single, b, b_single, y, n, F{});
  };
}

/// Eigen's exponential stops falling at a subnormal number; this one goes on to 0.
template <class T, class X>
Block<T> exp_or_zero(const X& x) {
  Block<T> y = x.exp();
#pragma omp simd
  for (Index i = 0; i < width<T>; ++i) y[i] = y[i] < std::numeric_limits<T>::min() ? T(0) : y[i];
  return y;
}

template <class T>
constexpr Map<T> table = {
    .neg = unary<T>([](const auto& x) { return -x; }),
    .abs = unary<T>([](const auto& x) { return x.abs(); }),
    .sign = unary<T>([](const auto& x) { return (x > T(0)).template cast<T>() - (x < T(0)).template cast<T>(); }),
    .square = unary<T>([](const auto& x) { return x.square(); }),
    // Eigen's takes a reciprocal square root on the way, of which infinity makes NaN.
    .sqrt = single<T>([](T x) { return std::sqrt(x); }),
    .exp = unary<T>([](const auto& x) { return exp_or_zero<T>(x); }),
    .log = unary<T>([](const auto& x) { return x.log(); }),
    .log2 = single<T>([](T x) { return std::log2(x); }),
    .log1p = unary<T>([](const auto& x) { return x.log1p(); }),
    .expm1 = unary<T>([](const auto& x) { return x.expm1(); }),
    .sin = unary<T>([](const auto& x) { return x.sin(); }),
    .cos = unary<T>([](const auto& x) { return x.cos(); }),
    .tan = single<T>([](T x) { return std::tan(x); }),
    .atan = single<T>([](T x) { return std::atan(x); }),
    .erf = unary<T>([](const auto& x) { return x.erf(); }),
    .tanh = unary<T>([](const auto& x) { return x.tanh(); }),
    // 1 / (1 + exp(-x)); exp overflows to infinity for x < -88 (-709), which gives the 0 it should.
    .sigmoid = unary<T>([](const auto& x) { return ((-x).exp() + T(1)).inverse(); }),
    .relu = single<T>([](T x) { return x < T(0) ? T(0) : x; }),
    .floor = single<T>([](T x) { return std::floor(x); }),
    .ceil = single<T>([](T x) { return std::ceil(x); }),
    .round = single<T>([](T x) { return std::rint(x); }),  // to even between two
    .add = binary<T>([](T a, T b) { return a + b; }),
    .sub = binary<T>([](T a, T b) { return a - b; }),
    .mul = binary<T>([](T a, T b) { return a * b; }),
    .div = binary<T>([](T a, T b) { return a / b; }),
    .maximum = binary<T>([](T a, T b) { return a > b || a != a ? a : b; }),
    .minimum = binary<T>([](T a, T b) { return a < b || a != a ? a : b; }),
    .pow = binary<T>([](T a, T b) { return std::pow(a, b); }),
    .relu_pullback = binary<T>([](T dy, T y) { return y <= T(0) ? T(0) : dy; }),
    .tanh_pullback = binary<T>([](T dy, T y) { return dy * (T(1) - y * y); }),
    .sigmoid_pullback = binary<T>([](T dy, T y) { return dy * (y * (T(1) - y)); }),
};

}  // namespace

template <Isa isa, class T>
const Map<T>& map_table() {
  return table<T>;
}
template const Map<float>& map_table<Isa::RAVINE_KERNEL_ISA>();
template const Map<double>& map_table<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
