#include <ravine/core/elementwise.hpp>

#include <limits>

#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

using detail::check_dtypes;
using detail::check_floating;

constexpr Index grain = detail::parallel_grain;

void check_dtypes(const char* op, const Tensor& x, Scalar number) {
  if (!is_floating(x.dtype()) && !number.integral())
    throw DTypeError(detail::text(op, ": a floating scalar with a tensor of ", x.dtype(), "; convert it with to()"));
}

/// The number in an element type. Throws DTypeError for an integer out of range.
template <class T>
T fitting(const char* op, Scalar number) {
  const T value = number.to<T>();
  if constexpr (std::is_integral_v<T>)
    if (value != number.to<Index>())
      throw DTypeError(
          detail::text(op, ": ", number, " does not fit a tensor of ", dtype_of<T>(), "; convert it with to()"));
  return value;
}

/// Where an operand's elements stand while the result is gone through row by row.
struct Operand {
  Index strides[max_rank] = {};  // 0 where it is broadcast

  Operand(const Shape& shape, const Shape& result) {
    Index stride = 1;
    for (int d = result.rank() - 1, s = shape.rank() - 1; s >= 0; --d, --s) {
      strides[d] = shape[s] == 1 ? 0 : stride;
      stride *= shape[s];
    }
  }
};

/// Calls row(a offset, a single, b offset, b single, y offset, n) for runs that are contiguous in y and, in each of the
/// operands, contiguous or one repeated element.
void for_rows(const Shape& a, const Shape& b, const Shape& y,
              FunctionRef<void(Index, bool, Index, bool, Index, Index)> row) {
  const Operand left(a, y), right(b, y);
  // The innermost dimensions go into one run as long as both operands go on in step.
  int inner = y.rank();
  Index n = 1;
  bool a_single = true, b_single = true;
  while (inner > 0) {
    const int d = inner - 1;
    if (y[d] != 1) {
      const bool a_here = left.strides[d] == 0, b_here = right.strides[d] == 0;
      if (n != 1 && (a_here != a_single || b_here != b_single)) break;
      a_single = a_here;
      b_single = b_here;
      n *= y[d];
    }
    inner = d;
  }
  Index position[max_rank] = {}, at_a = 0, at_b = 0;
  const Index total = y.numel();
  for (Index at = 0; at < total; at += n) {
    row(at_a, a_single, at_b, b_single, at, n);
    for (int d = inner - 1; d >= 0; --d) {
      at_a += left.strides[d];
      at_b += right.strides[d];
      if (++position[d] < y[d]) break;
      at_a -= left.strides[d] * y[d];
      at_b -= right.strides[d] * y[d];
      position[d] = 0;
    }
  }
}

/// The result's memory: an operand's own where nobody else holds it. The operands keep their shapes.
Tensor claim(Tensor& a, Tensor& b, const Shape& shape) {
  if (a.unique() && a.shape() == shape) return std::move(a);
  if (b.unique() && b.shape() == shape) return std::move(b);
  return Tensor(shape, a.dtype());
}

template <class T, class Kernel>
void run_binary(Kernel kernel, const Shape& a, const T* x, const Shape& b, const T* z, Tensor& y) {
  T* out = y.raw<T>();
  const bool a_whole = a == y.shape(), b_whole = b == y.shape();
  if ((a_whole || a.numel() == 1) && (b_whole || b.numel() == 1)) [[likely]] {
    detail::parallel_for(y.numel(), grain, [&](Index begin, Index end) {
      kernel(a_whole ? x + begin : x, !a_whole, b_whole ? z + begin : z, !b_whole, out + begin, end - begin);
    });
    return;
  }
  for_rows(a, b, y.shape(), [&](Index at_a, bool a_single, Index at_b, bool b_single, Index at, Index n) {
    kernel(x + at_a, a_single, z + at_b, b_single, out + at, n);
  });
}

/// The shape of the result, quickly where nothing or a scalar broadcasts.
Shape result_shape(const char* op, const Tensor& a, const Tensor& b) {
  if (b.rank() == 0 || a.shape() == b.shape()) return a.shape();
  return a.rank() == 0 ? b.shape() : detail::broadcast_shapes(op, a.shape(), b.shape());
}

template <class F>
auto integer_loop(F f) {
  return [f](const auto* a, bool a_single, const auto* b, bool b_single, auto* y, Index n) {
    for (Index i = 0; i < n; ++i)
      y[i] = static_cast<std::decay_t<decltype(*y)>>(f(a[a_single ? 0 : i], b[b_single ? 0 : i]));
  };
}

// Integers wrap around, as in NumPy: the overflow of signed ones is not defined.
auto wrapping(Index x) { return static_cast<std::uint64_t>(x); }
int wrapping(std::uint8_t x) { return x; }

template <class T>
using MapOf = kernels::Map<T>;

struct NoIntegers {};  // the op has no meaning for integer tensors

/// member: the kernel for floating types; on_integers: the same for two integers, or NoIntegers.
template <class Member, class F>
struct BinaryOp {
  const char* name;
  Member member;
  F on_integers;

  template <class T>
  auto loop() const {
    if constexpr (std::is_floating_point_v<T>)
      return kernels::kernels<T>().map.*(member(T{}));
    else
      return integer_loop(on_integers);
  }
  /// Calls f with a zero of the element type.
  template <class Function>
  Tensor visit(DType dtype, Function f) const {
    if constexpr (std::is_same_v<F, NoIntegers>)
      return detail::visit_floating(name, dtype, f);
    else
      return detail::visit(dtype, f);
  }
};

template <class Member, class F>
BinaryOp(const char*, Member, F) -> BinaryOp<Member, F>;

constexpr BinaryOp add{"add", [](auto t) { return &MapOf<decltype(t)>::add; },
                       [](auto x, auto y) { return wrapping(x) + wrapping(y); }};
constexpr BinaryOp sub{"sub", [](auto t) { return &MapOf<decltype(t)>::sub; },
                       [](auto x, auto y) { return wrapping(x) - wrapping(y); }};
constexpr BinaryOp mul{"mul", [](auto t) { return &MapOf<decltype(t)>::mul; },
                       [](auto x, auto y) { return wrapping(x) * wrapping(y); }};
constexpr BinaryOp divide{"div", [](auto t) { return &MapOf<decltype(t)>::div; }, NoIntegers{}};
constexpr BinaryOp larger{"maximum", [](auto t) { return &MapOf<decltype(t)>::maximum; },
                          [](auto x, auto y) { return x > y ? x : y; }};
constexpr BinaryOp smaller{"minimum", [](auto t) { return &MapOf<decltype(t)>::minimum; },
                           [](auto x, auto y) { return x < y ? x : y; }};
constexpr BinaryOp power{"pow", [](auto t) { return &MapOf<decltype(t)>::pow; }, NoIntegers{}};

template <class Op>
Tensor apply(const Op& op, Tensor&& a, Tensor&& b) {
  check_dtypes(op.name, a, b);
  const Shape shape = result_shape(op.name, a, b);
  return op.visit(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *x = a.raw<T>(), *z = b.raw<T>();
    Tensor y = claim(a, b, shape);
    run_binary<T>(op.template loop<T>(), a.shape(), x, b.shape(), z, y);
    return y;
  });
}

/// The same with a number, which takes the tensor's type. number_first: it is the left operand.
template <bool number_first = false, class Op>
Tensor apply(const Op& op, Tensor&& x, Scalar number) {
  check_dtypes(op.name, x, number);
  return op.visit(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T value = fitting<T>(op.name, number);
    const T* in = x.raw<T>();
    Tensor y = x.unique() ? std::move(x) : Tensor(x.shape(), x.dtype());
    T* out = y.raw<T>();
    const auto loop = op.template loop<T>();
    detail::parallel_for(y.numel(), grain, [&](Index begin, Index end) {
      if constexpr (number_first)
        loop(&value, true, in + begin, false, out + begin, end - begin);
      else
        loop(in + begin, false, &value, true, out + begin, end - begin);
    });
    return y;
  });
}

template <class Member>
Tensor unary(const char* op, Tensor&& x, Member member) {
  return detail::visit_floating(op, x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto kernel = kernels::kernels<T>().map.*(member(type));
    const T* in = x.raw<T>();
    Tensor y = x.unique() ? std::move(x) : Tensor(x.shape(), x.dtype());
    T* out = y.raw<T>();
    detail::parallel_for(y.numel(), grain,
                         [&](Index begin, Index end) { kernel(in + begin, out + begin, end - begin); });
    return y;
  });
}

/// A gradient from the upstream one and a value of the same shape.
template <class Member>
Tensor pullback(const char* op, Tensor&& dy, const Tensor& y, Member member) {
  check_dtypes(op, dy, y);
  if (dy.shape() != y.shape()) throw ShapeError(detail::text(op, ": ", dy.shape(), " for ", y.shape()));
  return detail::visit_floating(op, dy.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto kernel = kernels::kernels<T>().map.*(member(type));
    const T *upstream = dy.raw<T>(), *value = y.raw<T>();
    Tensor dx = dy.unique() ? std::move(dy) : Tensor(y.shape(), y.dtype());
    T* out = dx.raw<T>();
    detail::parallel_for(dx.numel(), grain, [&](Index begin, Index end) {
      kernel(upstream + begin, false, value + begin, false, out + begin, end - begin);
    });
    return dx;
  });
}

/// The number as a tensor of x's type.
Tensor constant(const char* op, const Tensor& x, Scalar number) {
  check_dtypes(op, x, number);
  return detail::visit(x.dtype(), [&](auto type) { return scalar(fitting<decltype(type)>(op, number), x.dtype()); });
}

template <class F>
Tensor compare(const char* op, const Tensor& a, const Tensor& b, F f) {
  check_dtypes(op, a, b);
  Tensor y(result_shape(op, a, b), u8);
  detail::visit(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *x = a.raw<T>(), *z = b.raw<T>();
    auto* out = y.raw<std::uint8_t>();
    for_rows(a.shape(), b.shape(), y.shape(),
             [&](Index at_a, bool a_single, Index at_b, bool b_single, Index at, Index n) {
               for (Index i = 0; i < n; ++i)
                 out[at + i] = f(x[at_a + (a_single ? 0 : i)], z[at_b + (b_single ? 0 : i)]) ? 1 : 0;
             });
  });
  return y;
}

}  // namespace

Tensor operator+(Tensor a, Tensor b) { return apply(add, std::move(a), std::move(b)); }
Tensor operator-(Tensor a, Tensor b) { return apply(sub, std::move(a), std::move(b)); }
Tensor operator*(Tensor a, Tensor b) { return apply(mul, std::move(a), std::move(b)); }
Tensor operator/(Tensor a, Tensor b) { return apply(divide, std::move(a), std::move(b)); }
Tensor operator+(Tensor a, Scalar b) { return apply(add, std::move(a), b); }
Tensor operator-(Tensor a, Scalar b) { return apply(sub, std::move(a), b); }
Tensor operator*(Tensor a, Scalar b) { return apply(mul, std::move(a), b); }
Tensor operator/(Tensor a, Scalar b) { return apply(divide, std::move(a), b); }
Tensor operator+(Scalar a, Tensor b) { return apply(add, std::move(b), a); }
Tensor operator-(Scalar a, Tensor b) { return apply<true>(sub, std::move(b), a); }
Tensor operator*(Scalar a, Tensor b) { return apply(mul, std::move(b), a); }
Tensor operator/(Scalar a, Tensor b) { return apply<true>(divide, std::move(b), a); }
Tensor operator-(Tensor x) {
  return is_floating(x.dtype()) ? unary("neg", std::move(x), [](auto t) { return &MapOf<decltype(t)>::neg; })
                                : Scalar(0) - std::move(x);
}

Tensor maximum(Tensor a, Tensor b) { return apply(larger, std::move(a), std::move(b)); }
Tensor minimum(Tensor a, Tensor b) { return apply(smaller, std::move(a), std::move(b)); }
Tensor maximum(Tensor a, Scalar b) { return apply(larger, std::move(a), b); }
Tensor minimum(Tensor a, Scalar b) { return apply(smaller, std::move(a), b); }
Tensor pow(Tensor x, Tensor exponent) { return apply(power, std::move(x), std::move(exponent)); }
Tensor clamp(Tensor x, std::optional<Scalar> lo, std::optional<Scalar> hi) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!lo && !hi) throw std::invalid_argument("clamp: needs a limit, got none");
  const Scalar low = lo.value_or(-infinity), high = hi.value_or(infinity);
  const bool integral = low.integral() && high.integral();
  if (!(integral ? low.to<Index>() <= high.to<Index>() : low.value() <= high.value()))
    throw std::invalid_argument(detail::text("clamp: the limits are not in order: ", low, ", ", high));
  const auto clamped = [](auto op) { return BinaryOp{"clamp", op.member, op.on_integers}; };
  if (lo) x = apply(clamped(larger), std::move(x), *lo);
  if (hi) x = apply(clamped(smaller), std::move(x), *hi);
  return x;
}
Tensor pow(Tensor x, Scalar exponent) {
  check_floating("pow", x);
  if (exponent.value() == 2.0) return square(std::move(x));
  if (exponent.value() == 1.0) return x.unique() ? x : x.clone();
  return apply(power, std::move(x), exponent);
}

Tensor eq(const Tensor& a, const Tensor& b) {
  return compare("eq", a, b, [](auto x, auto y) { return x == y; });
}
Tensor ne(const Tensor& a, const Tensor& b) {
  return compare("ne", a, b, [](auto x, auto y) { return x != y; });
}
Tensor lt(const Tensor& a, const Tensor& b) {
  return compare("lt", a, b, [](auto x, auto y) { return x < y; });
}
Tensor le(const Tensor& a, const Tensor& b) {
  return compare("le", a, b, [](auto x, auto y) { return x <= y; });
}
Tensor gt(const Tensor& a, const Tensor& b) {
  return compare("gt", a, b, [](auto x, auto y) { return x > y; });
}
Tensor ge(const Tensor& a, const Tensor& b) {
  return compare("ge", a, b, [](auto x, auto y) { return x >= y; });
}
Tensor eq(const Tensor& a, Scalar b) { return eq(a, constant("eq", a, b)); }
Tensor ne(const Tensor& a, Scalar b) { return ne(a, constant("ne", a, b)); }
Tensor lt(const Tensor& a, Scalar b) { return lt(a, constant("lt", a, b)); }
Tensor le(const Tensor& a, Scalar b) { return le(a, constant("le", a, b)); }
Tensor gt(const Tensor& a, Scalar b) { return gt(a, constant("gt", a, b)); }
Tensor ge(const Tensor& a, Scalar b) { return ge(a, constant("ge", a, b)); }
Tensor isfinite(const Tensor& x) {
  return compare("isfinite", x, x, [](auto v, auto) { return v - v == decltype(v){}; });
}

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  if (condition.dtype() != u8)
    throw DTypeError(detail::text("where: the condition must be u8, got ", condition.dtype()));
  check_dtypes("where", a, b);
  const Shape shape =
      detail::broadcast_shapes("where", condition.shape(), detail::broadcast_shapes("where", a.shape(), b.shape()));
  const Tensor mask = broadcast_to(condition, shape), yes = broadcast_to(a, shape), no = broadcast_to(b, shape);
  Tensor y(shape, a.dtype());
  detail::visit(a.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto* m = mask.raw<std::uint8_t>();
    const T *p = yes.raw<T>(), *q = no.raw<T>();
    T* out = y.raw<T>();
    for (Index i = 0, n = y.numel(); i < n; ++i) out[i] = m[i] ? p[i] : q[i];
  });
  return y;
}

Tensor softplus(Tensor x, double beta) {
  check_floating("softplus", x);
  if (!(beta > 0)) throw std::invalid_argument(detail::text("softplus: beta must be > 0, got ", beta));
  Tensor y = log1p(exp(abs(x) * -beta));  // the exponential is at most 1
  if (beta != 1.0) y = std::move(y) / beta;
  return std::move(y) + relu(std::move(x));
}

Tensor abs(Tensor x) {
  return unary("abs", std::move(x), [](auto t) { return &MapOf<decltype(t)>::abs; });
}
Tensor sign(Tensor x) {
  return unary("sign", std::move(x), [](auto t) { return &MapOf<decltype(t)>::sign; });
}
Tensor square(Tensor x) {
  return unary("square", std::move(x), [](auto t) { return &MapOf<decltype(t)>::square; });
}
Tensor sqrt(Tensor x) {
  return unary("sqrt", std::move(x), [](auto t) { return &MapOf<decltype(t)>::sqrt; });
}
Tensor rsqrt(Tensor x) {
  check_floating("rsqrt", x);
  return 1.0 / sqrt(std::move(x));
}
Tensor reciprocal(Tensor x) {
  check_floating("reciprocal", x);
  return 1.0 / std::move(x);
}
Tensor exp(Tensor x) {
  return unary("exp", std::move(x), [](auto t) { return &MapOf<decltype(t)>::exp; });
}
Tensor log(Tensor x) {
  return unary("log", std::move(x), [](auto t) { return &MapOf<decltype(t)>::log; });
}
Tensor log2(Tensor x) {
  return unary("log2", std::move(x), [](auto t) { return &MapOf<decltype(t)>::log2; });
}
Tensor log1p(Tensor x) {
  return unary("log1p", std::move(x), [](auto t) { return &MapOf<decltype(t)>::log1p; });
}
Tensor expm1(Tensor x) {
  return unary("expm1", std::move(x), [](auto t) { return &MapOf<decltype(t)>::expm1; });
}
Tensor sin(Tensor x) {
  return unary("sin", std::move(x), [](auto t) { return &MapOf<decltype(t)>::sin; });
}
Tensor cos(Tensor x) {
  return unary("cos", std::move(x), [](auto t) { return &MapOf<decltype(t)>::cos; });
}
Tensor tan(Tensor x) {
  return unary("tan", std::move(x), [](auto t) { return &MapOf<decltype(t)>::tan; });
}
Tensor atan(Tensor x) {
  return unary("atan", std::move(x), [](auto t) { return &MapOf<decltype(t)>::atan; });
}
Tensor erf(Tensor x) {
  return unary("erf", std::move(x), [](auto t) { return &MapOf<decltype(t)>::erf; });
}
Tensor tanh(Tensor x) {
  return unary("tanh", std::move(x), [](auto t) { return &MapOf<decltype(t)>::tanh; });
}
Tensor sigmoid(Tensor x) {
  return unary("sigmoid", std::move(x), [](auto t) { return &MapOf<decltype(t)>::sigmoid; });
}
Tensor relu(Tensor x) {
  return unary("relu", std::move(x), [](auto t) { return &MapOf<decltype(t)>::relu; });
}
Tensor floor(Tensor x) {
  return unary("floor", std::move(x), [](auto t) { return &MapOf<decltype(t)>::floor; });
}
Tensor ceil(Tensor x) {
  return unary("ceil", std::move(x), [](auto t) { return &MapOf<decltype(t)>::ceil; });
}
Tensor round(Tensor x) {
  return unary("round", std::move(x), [](auto t) { return &MapOf<decltype(t)>::round; });
}
Tensor relu_pullback(Tensor dy, const Tensor& y) {
  return pullback("relu_pullback", std::move(dy), y, [](auto t) { return &MapOf<decltype(t)>::relu_pullback; });
}
Tensor tanh_pullback(Tensor dy, const Tensor& y) {
  return pullback("tanh_pullback", std::move(dy), y, [](auto t) { return &MapOf<decltype(t)>::tanh_pullback; });
}
Tensor sigmoid_pullback(Tensor dy, const Tensor& y) {
  return pullback("sigmoid_pullback", std::move(dy), y, [](auto t) { return &MapOf<decltype(t)>::sigmoid_pullback; });
}

}  // namespace ravine
