// Elementwise kernels: a function of one register's lanes for each op, and one loop for all of them.
#include <cmath>
#include <cstddef>
#include <type_traits>
#include <utility>

#include <ravine/core/kernels/functions.hpp>
#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

template <class X, int n>
struct LanesOf {
  typedef X type __attribute__((vector_size(n * sizeof(X))));
};
/// n elements; a register's worth of one type goes with as many of another.
template <class X, int n>
using Lanes = typename LanesOf<X, n>::type;

/// An operand, read n elements at a time; a single value is repeated in `room`, and read again and again.
template <class X, int n>
class Source {
 public:
  using V = Lanes<X, n>;

  Source(const void* x, bool single, void* room) : x_(static_cast<const X*>(x)), places_(single ? 0 : ~Index{0}) {
    if (!single) return;
    const V repeated = *x_ - V{};  // also of -0
    x_ = static_cast<const X*>(std::memcpy(room, &repeated, sizeof repeated));
  }

  V at(Index i) const {
    V v;
    std::memcpy(&v, x_ + (i & places_), sizeof v);
    return v;
  }

  /// The last ones, fewer than n. In the other lanes stands 1, so that no op meets a number that was not asked for.
  V last(Index i, int used) const {
    const X* x = x_ + (i & places_);
    V v = V{} + X(1);
    if constexpr (std::is_same_v<V, Vector<float>> || std::is_same_v<V, Vector<double>>) return load(x, used, v);
    for (int k = 0; k < n - 1 && k < used; ++k) v[k] = x[k];
    return v;
  }

 private:
  const X* x_;
  Index places_;  // all bits of a position, or none
};

/// The truth of each lane in a byte: 0 or 1.
template <class Y, class V, int... lane>
inline auto truths(V v, std::integer_sequence<int, lane...>) {
  constexpr int n = sizeof...(lane), size = static_cast<int>(register_bytes) / n;
  if constexpr (register_bytes == 32)  // AVX2 does not convert to bytes
    return __builtin_shufflevector((Vector<Y>)v, (Vector<Y>)v, lane * size...) & Y(1);
  else
    return __builtin_convertvector(v, Lanes<Y, n>) & Y(1);
}

/// The first `used` lanes of a result.
template <class Y, int n, class V>
inline void put(Y* y, V v, int used) {
  if constexpr (std::is_floating_point_v<Y>) {
    store(y, v, used);
  } else {
    Lanes<Y, n> lanes;
    if constexpr (std::is_same_v<V, Lanes<Y, n>>)
      lanes = v;
    else
      lanes = truths<Y>(v, std::make_integer_sequence<int, n>{});
    used == n ? std::memcpy(y, &lanes, sizeof lanes)
              : std::memcpy(y, &lanes, static_cast<std::size_t>(used) * sizeof(Y));
  }
}

/// y = f(x, …), `size` elements of them. Of several operands two registers are read before one is written: what comes
/// from memory then comes faster, by up to a third.
template <class F, class Y, class... X, int n>
inline void over(Y* y, Index size, Source<X, n>... x) {
  Index i = 0;
  for (; sizeof...(X) > 1 && i + 2 * n <= size; i += 2 * n) {
    const auto first = F{}(x.at(i)...), second = F{}(x.at(i + n)...);
    put<Y, n>(y + i, first, n);
    put<Y, n>(y + i + n, second, n);
  }
  for (; i + n <= size; i += n) put<Y, n>(y + i, F{}(x.at(i)...), n);
  const int rest = static_cast<int>(size - i);
  if (rest > 0) put<Y, n>(y + i, F{}(x.last(i, rest)...), rest);
}

/// The same, row by row, for operands of types X, as many lanes at a time as a register has of T. Flat: what f reads
/// again and again stays in registers.
template <class F, class T, class Y, class... X>
[[gnu::flatten]] void loop(const MapRun& run) {
  alignas(register_bytes) std::byte rooms[sizeof...(X)][register_bytes];
  for (Index i = 0; i < run.rows; ++i) [&]<std::size_t... k>(std::index_sequence<k...>) {
      over<F>(reinterpret_cast<Y*>(run.out) + i * run.n, run.n,
              Source<X, lanes<T>>(run.in[k] + i * run.steps[k], sizeof...(X) > 1 && run.single[k], rooms[k])...);
    }
  (std::index_sequence_for<X...>{});
}

/// An op on operands of T, of floating types only (`floating`), or with a result of 0 and 1 (`comparison`).
template <class T, int arity, class F>
constexpr MapOp any(const char* name, F) {
  return []<std::size_t... k>(const char* op, std::index_sequence<k...>) {
    return MapOp{op, loop<F, T, T, std::conditional_t<k == k, T, void>...>, false};
  }
  (name, std::make_index_sequence<arity>{});
}
template <class T, int arity, class F>
constexpr MapOp floating(const char* name, F f) {
  if constexpr (std::is_floating_point_v<T>)
    return any<T, arity>(name, f);
  else
    return {name, nullptr, false};
}
template <class T, class... X, class F>
constexpr MapOp comparison(const char* name, F) {
  return {name, loop<F, T, std::uint8_t, X...>, true};
}

template <class T, class V>
inline V sign(V x) {
  const V zero{}, one = zero + T(1);
  return x > zero ? one : x < zero ? -one : zero;
}

/// Of where: a in the lanes where the condition is not 0.
template <class T>
struct Choose {
  template <class Condition>
  Vector<T> operator()(Vector<T> a, Vector<T> b, Condition condition) const {
    return __builtin_convertvector(condition, decltype(a == b)) != 0 ? a : b;
  }
};

/// min(max(x, -limit), limit)
template <class T>
inline Vector<T> limited(Vector<T> x, Vector<T> limit) {
  return smaller<T>(limit, larger<T>(-limit, x));
}

/// f of each lane.
template <class T, class F>
inline Vector<T> each_lane(Vector<T> v, F f) {
  T x[lanes<T>];
  store(x, v);
#pragma omp simd
  for (int i = 0; i < lanes<T>; ++i) x[i] = f(x[i]);
  return load(x);
}
template <class T>
inline Vector<T> root(Vector<T> x) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm512_sqrt_ps((__m512)x);
  else
    return (Vector<T>)_mm512_sqrt_pd((__m512d)x);
#else
  return each_lane<T>(x, [](T v) { return std::sqrt(v); });
#endif
}

template <class T>
constexpr void add_functions(Map<T>& map) {
  map[Op::sqrt] = floating<T, 1>("sqrt", [](auto x) { return root<T>(x); });
  map[Op::rsqrt] = floating<T, 1>("rsqrt", [](auto x) { return T(1) / root<T>(x); });
  map[Op::exp] = floating<T, 1>("exp", [](auto x) { return exp<T>(x); });
  map[Op::expm1] = floating<T, 1>("expm1", [](auto x) { return expm1<T>(x); });
  map[Op::log] = floating<T, 1>("log", [](auto x) { return log<T>(x); });
  map[Op::log2] = floating<T, 1>("log2", [](auto x) { return log2<T>(x); });
  map[Op::log1p] = floating<T, 1>("log1p", [](auto x) { return log1p<T>(x); });
  map[Op::sin] = floating<T, 1>("sin", [](auto x) { return sin<T>(x); });
  map[Op::cos] = floating<T, 1>("cos", [](auto x) { return cos<T>(x); });
  map[Op::tan] = floating<T, 1>("tan", [](auto x) { return tan<T>(x); });
  map[Op::atan] = floating<T, 1>("atan", [](auto x) { return atan<T>(x); });
  map[Op::erf] = floating<T, 1>("erf", [](auto x) { return erf<T>(x); });
  map[Op::pow] = floating<T, 2>("pow", [](auto x, auto p) { return pow(x, p); });
  const auto lane = [](auto f) { return [](auto x) { return each_lane<T>(x, decltype(f){}); }; };
  map[Op::floor] = floating<T, 1>("floor", lane([](T x) { return std::floor(x); }));
  map[Op::ceil] = floating<T, 1>("ceil", lane([](T x) { return std::ceil(x); }));
  map[Op::round] = floating<T, 1>("round", lane([](T x) { return std::rint(x); }));  // to even between two
}

/// The activations, each with its pullback, and losses of single elements. A pullback begins with dy.
template <class T>
constexpr void add_activations(Map<T>& map) {
  constexpr Vector<T> zero{};
  map[Op::relu] = floating<T, 1>("relu", [](auto x) { return positive<T>(x); });
  map[Op::relu_pullback] = floating<T, 2>("relu_pullback", [](auto dy, auto y) { return y <= zero ? zero : dy; });
  map[Op::leaky_relu] = floating<T, 2>("leaky_relu", [](auto x, auto slope) { return x > zero ? x : x * slope; });
  map[Op::leaky_relu_pullback] =
      floating<T, 3>("leaky_relu_pullback", [](auto dy, auto x, auto slope) { return x > zero ? dy : dy * slope; });
  map[Op::tanh] = floating<T, 1>("tanh", [](auto x) { return tanh<T>(x); });
  map[Op::tanh_pullback] = floating<T, 2>("tanh_pullback", [](auto dy, auto y) { return dy * (T(1) - y * y); });
  map[Op::sigmoid] = floating<T, 1>("sigmoid", [](auto x) { return sigmoid<T>(x); });
  map[Op::sigmoid_pullback] = floating<T, 2>("sigmoid_pullback", [](auto dy, auto y) { return dy * (y * (T(1) - y)); });
  map[Op::elu] = floating<T, 2>("elu", [](auto x, auto alpha) { return x > zero ? x : expm1<T>(x) * alpha; });
  map[Op::elu_pullback] = floating<T, 3>(
      "elu_pullback", [](auto dy, auto x, auto alpha) { return x > zero ? dy : dy * exp<T>(x) * alpha; });
  map[Op::silu] = floating<T, 1>("silu", [](auto x) { return silu<T>(x); });
  map[Op::silu_pullback] = floating<T, 2>("silu_pullback", [](auto dy, auto x) {
    const auto s = sigmoid<T>(x);
    return dy * (s + within<T>(x, -1000, 1000) * (s * (T(1) - s)));
  });
  map[Op::softplus] = floating<T, 2>("softplus", [](auto x, auto beta) { return softplus<T>(x, beta); });
  map[Op::softplus_pullback] =
      floating<T, 3>("softplus_pullback", [](auto dy, auto x, auto beta) { return dy * sigmoid<T>(x * beta); });
  map[Op::gelu] = floating<T, 1>("gelu", [](auto x) { return Gelu<T>(x).value(); });
  map[Op::gelu_pullback] = floating<T, 2>("gelu_pullback", [](auto dy, auto x) { return dy * Gelu<T>(x).slope(); });
  map[Op::gelu_tanh] = floating<T, 1>("gelu_tanh", [](auto x) { return gelu_tanh<T>(x); });
  map[Op::gelu_tanh_pullback] = floating<T, 2>("gelu_tanh_pullback", [](auto dy, auto x) {
    const GeluTanh<T> g(x);
    const auto p = sigmoid<T>(g.z);
    return dy * (p + g.x * (p * (T(1) - p)) * g.slope());
  });
  // Of a - b, where delta limits it; times a scale.
  map[Op::huber] = floating<T, 4>("huber_loss", [](auto a, auto b, auto delta, auto scale) {
    const auto error = a - b, near = limited<T>(error, delta);
    return near * scale * (error - near * T(0.5));
  });
  map[Op::huber_pullback] = floating<T, 5>("huber_pullback", [](auto dy, auto a, auto b, auto delta, auto scale) {
    return dy * (limited<T>(a - b, delta) * scale);
  });
  map[Op::squared_error_pullback] = floating<T, 4>(
      "squared_error_pullback", [](auto dy, auto a, auto b, auto scale) { return dy * scale * (a - b); });
  map[Op::binary_cross_entropy] =
      floating<T, 2>("binary_cross_entropy_with_logits", [](auto x, auto t) { return binary_cross_entropy<T>(x, t); });
  // sigmoid(x) - t, where they may be nearly equal.
  map[Op::binary_cross_entropy_pullback] = floating<T, 3>("binary_cross_entropy_pullback", [](auto dy, auto x, auto t) {
    const auto e = decay<T>(x);
    return dy * ((T(1) - t) * sigmoid<T>(x, e) - t * sigmoid<T>(-x, e));
  });
}

template <class T>
constexpr Map<T> make_map() {
  using V = Vector<T>;
  using Wrapping = std::conditional_t<std::is_same_v<T, Index>, std::uint64_t, T>;  // signed overflow is not defined
  constexpr V zero{};
  Map<T> map{};
  add_functions<T>(map);
  add_activations<T>(map);
  map[Op::neg] = any<Wrapping, 1>("neg", [](auto x) { return -x; });
  map[Op::add] = any<Wrapping, 2>("add", [](auto a, auto b) { return a + b; });
  map[Op::sub] = any<Wrapping, 2>("sub", [](auto a, auto b) { return a - b; });
  map[Op::mul] = any<Wrapping, 2>("mul", [](auto a, auto b) { return a * b; });
  map[Op::div] = floating<T, 2>("div", [](auto a, auto b) { return a / b; });
  map[Op::reciprocal] = floating<T, 1>("reciprocal", [](auto x) { return T(1) / x; });
  map[Op::square] = floating<T, 1>("square", [](auto x) { return x * x; });
  map[Op::cube] = floating<T, 1>("cube", [](auto x) { return x * (x * x); });
  map[Op::abs] = floating<T, 1>("abs", [](auto x) { return x < zero ? -x : x + zero; });
  map[Op::sign] = floating<T, 1>("sign", [](auto x) { return sign<T>(x); });
  // NaN stays, whichever operand it is.
  map[Op::maximum] = any<T, 2>("maximum", [](V a, V b) { return ((a > b) | (a != a)) ? a : b; });
  map[Op::minimum] = any<T, 2>("minimum", [](V a, V b) { return ((a < b) | (a != a)) ? a : b; });
  map[Op::clamp] = any<T, 3>("clamp", [](V x, V lo, V hi) {
    const V above = x < lo ? lo : x;
    return above > hi ? hi : above;
  });
  map[Op::eq] = comparison<T, T, T>("eq", [](V a, V b) { return a == b; });
  map[Op::ne] = comparison<T, T, T>("ne", [](V a, V b) { return a != b; });
  map[Op::lt] = comparison<T, T, T>("lt", [](V a, V b) { return a < b; });
  map[Op::le] = comparison<T, T, T>("le", [](V a, V b) { return a <= b; });
  map[Op::gt] = comparison<T, T, T>("gt", [](V a, V b) { return a > b; });
  map[Op::ge] = comparison<T, T, T>("ge", [](V a, V b) { return a >= b; });
  map[Op::isfinite] = comparison<T, T>("isfinite", [](V x) { return x - x == zero; });
  map[Op::where] = {"where", loop<Choose<T>, T, T, T, T, std::uint8_t>, false};
  map[Op::abs_pullback] = floating<T, 2>("abs_pullback", [](auto dy, auto x) { return dy * sign<T>(x); });
  map[Op::clamp_pullback] = floating<T, 4>(
      "clamp_pullback", [](auto dy, auto x, auto lo, auto hi) { return ((x >= lo) & (x <= hi)) ? dy : zero; });
  return map;
}

template <class T>
constexpr Map<T> table = make_map<T>();

}  // namespace

template <class T>
template <Isa isa>
const Map<T>& Map<T>::compiled() {
  return table<T>;
}
template const Map<float>& Map<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Map<double>& Map<double>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Map<Index>& Map<Index>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Map<std::uint8_t>& Map<std::uint8_t>::compiled<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
