#include <ravine/autograd/arithmetic.hpp>

#include <limits>

#include <ravine/autograd/fused.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine {

using detail::fused;
using detail::take_value;
using kernels::Op;

Variable operator+(Variable a, Variable b) {
  Tensor y = take_value(a) + take_value(b);
  return record("add", std::move(y),
                {{a, [shape = a.shape()](auto dy) { return sum_to(std::move(dy), shape); }},
                 {b, [shape = b.shape()](auto dy) { return sum_to(std::move(dy), shape); }}});
}

Variable operator-(Variable a, Variable b) {
  Tensor y = take_value(a) - take_value(b);
  return record("sub", std::move(y),
                {{a, [shape = a.shape()](auto dy) { return sum_to(std::move(dy), shape); }},
                 {b, [shape = b.shape()](auto dy) { return sum_to(-std::move(dy), shape); }}});
}

Variable operator*(const Variable& a, const Variable& b) {
  return record("mul", a.value() * b.value(),
                {{a, [b, shape = a.shape()](auto dy) { return sum_to(std::move(dy) * like(dy, b), shape); }},
                 {b, [a, shape = b.shape()](auto dy) { return sum_to(std::move(dy) * like(dy, a), shape); }}});
}

Variable operator/(const Variable& a, const Variable& b) {
  return record("div", a.value() / b.value(),
                {{a, [b, shape = a.shape()](auto dy) { return sum_to(std::move(dy) / like(dy, b), shape); }},
                 {b, [b, shape = b.shape()](auto dy, const auto& y) {
                    return sum_to(-(std::move(dy) * y / like(dy, b)), shape);
                  }}});
}

Variable operator+(Variable a, Scalar b) {
  Tensor y = take_value(a) + b;
  return record("add", std::move(y), {{a, [](auto dy) { return dy; }}});
}
Variable operator-(Variable a, Scalar b) {
  Tensor y = take_value(a) - b;
  return record("sub", std::move(y), {{a, [](auto dy) { return dy; }}});
}
Variable operator*(Variable a, Scalar b) {
  Tensor y = take_value(a) * b;
  return record("mul", std::move(y), {{a, [b](auto dy) { return std::move(dy) * b; }}});
}
Variable operator/(Variable a, Scalar b) {
  Tensor y = take_value(a) / b;
  return record("div", std::move(y), {{a, [b](auto dy) { return std::move(dy) / b; }}});
}
Variable operator+(Scalar a, Variable b) { return std::move(b) + a; }
Variable operator-(Scalar a, Variable b) {
  Tensor y = a - take_value(b);
  return record("sub", std::move(y), {{b, [](auto dy) { return -std::move(dy); }}});
}
Variable operator*(Scalar a, Variable b) { return std::move(b) * a; }
Variable operator/(Scalar a, const Variable& b) {
  return record("div", a / b.value(),
                {{b, [b](auto dy, const auto& y) { return -(std::move(dy) * y / like(dy, b)); }}});
}
Variable operator-(Variable x) {
  Tensor y = -take_value(x);
  return record("neg", std::move(y), {{x, [](auto dy) { return -std::move(dy); }}});
}

Variable square(const Variable& x) {
  return record("square", square(x.value()), {{x, [x](auto dy) { return std::move(dy) * 2.0 * like(dy, x); }}});
}

Variable pow(const Variable& x, Scalar exponent) {
  const auto pullback = [x, p = exponent.value()](auto dy) -> decltype(dy) {
    // x^0 is constant, also at x = 0, where the formula would give 0 times infinity.
    if (p == 0.0) return zeros(dy.shape(), dy.dtype());
    return std::move(dy) * (pow(like(dy, x), Scalar(p - 1.0)) * p);
  };
  return record("pow", pow(x.value(), exponent), {{x, pullback}});
}

namespace {

/// 0 where both are 0, 1 elsewhere.
Tensor unless_both_zero(const Tensor& a, const Tensor& b) {
  return where(eq(a, 0.0) * eq(b, 0.0), scalar(0.0, a.dtype()), scalar(1.0, a.dtype()));
}

/// c x^p log(x)^k, of which every derivative of x^p is made: 0 where c is, even if x^p is infinite, and where x^p is,
/// which outweighs the logarithm.
Tensor power_term(const Tensor& c, const Tensor& x, const Tensor& p, int k) {
  const Tensor zero = scalar(0.0, x.dtype());
  Tensor y = where(eq(c, 0.0), zero, c * pow(x, p));
  return k == 0 ? y : where(eq(y, 0.0), zero, y * pow(log(x), k));
}

Variable power_term(const Variable& c, const Variable& x, const Variable& p, int k) {
  const auto to_c = [c, x, p, k](auto dy) {
    const decltype(dy) one = unless_both_zero(c.value(), x.value());
    return sum_to(std::move(dy) * power_term(one, like(dy, x), like(dy, p), k), c.shape());
  };
  const auto to_x = [c, x, p, k](auto dy) {
    const auto lower = like(dy, p) - 1.0;
    auto slope = power_term(like(dy, c) * like(dy, p), like(dy, x), lower, k);
    if (k > 0) slope = slope + power_term(like(dy, c) * k, like(dy, x), lower, k - 1);
    return sum_to(std::move(dy) * slope, x.shape());
  };
  const auto to_p = [c, x, p, k](auto dy) {
    return sum_to(std::move(dy) * power_term(like(dy, c), like(dy, x), like(dy, p), k + 1), p.shape());
  };
  return record("power_term", power_term(c.value(), x.value(), p.value(), k), {{c, to_c}, {x, to_x}, {p, to_p}});
}

}  // namespace

Variable pow(const Variable& x, const Variable& exponent) {
  const auto to_x = [x, exponent](auto dy) {
    const auto& p = like(dy, exponent);
    return sum_to(std::move(dy) * power_term(p, like(dy, x), p - 1.0, 0), x.shape());
  };
  const auto to_exponent = [x, exponent](auto dy) {
    const decltype(dy) one = unless_both_zero(exponent.value(), x.value());
    return sum_to(std::move(dy) * power_term(one, like(dy, x), like(dy, exponent), 1), exponent.shape());
  };
  return record("pow", pow(x.value(), exponent.value()), {{x, to_x}, {exponent, to_exponent}});
}

Variable abs(const Variable& x) {
  const auto plain = [x](Variable dy) { return std::move(dy) * sign(x.value()); };
  return record("abs", abs(x.value()), {{x, fused(Op::abs_pullback, plain, x)}});
}

Variable sign(const Variable& x) {
  return record("sign", sign(x.value()), {{x, [](auto dy) -> decltype(dy) { return zeros(dy.shape(), dy.dtype()); }}});
}

namespace {

/// The part of the gradient that an operand gets in a maximum: none where it is less, half between equals. So NaN,
/// which is neither, passes all of it on.
Tensor share(const Tensor& less, const Tensor& less_or_equal, DType dtype) {
  return 1.0 - (less + less_or_equal).to(dtype) * 0.5;
}

}  // namespace

Variable maximum(const Variable& a, const Variable& b) {
  const auto edge = [](const Variable& mine, const Variable& other) {
    return [mine, other](auto dy) {
      const Tensor mask = share(lt(mine.value(), other.value()), le(mine.value(), other.value()), mine.dtype());
      return sum_to(std::move(dy) * mask, mine.shape());
    };
  };
  return record("maximum", maximum(a.value(), b.value()), {{a, edge(a, b)}, {b, edge(b, a)}});
}

Variable minimum(const Variable& a, const Variable& b) {
  const auto edge = [](const Variable& mine, const Variable& other) {
    return [mine, other](auto dy) {
      const Tensor mask = share(gt(mine.value(), other.value()), ge(mine.value(), other.value()), mine.dtype());
      return sum_to(std::move(dy) * mask, mine.shape());
    };
  };
  return record("minimum", minimum(a.value(), b.value()), {{a, edge(a, b)}, {b, edge(b, a)}});
}

Variable maximum(const Variable& a, Scalar b) {
  const auto pullback = [a, b](auto dy) {
    return std::move(dy) * share(lt(a.value(), b), le(a.value(), b), a.dtype());
  };
  return record("maximum", maximum(a.value(), b), {{a, pullback}});
}
Variable minimum(const Variable& a, Scalar b) {
  const auto pullback = [a, b](auto dy) {
    return std::move(dy) * share(gt(a.value(), b), ge(a.value(), b), a.dtype());
  };
  return record("minimum", minimum(a.value(), b), {{a, pullback}});
}

Variable clamp(const Variable& x, std::optional<Scalar> lo, std::optional<Scalar> hi) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Scalar low = lo.value_or(-infinity), high = hi.value_or(infinity);
  const auto plain = [x, low, high](Variable dy) {
    return where(ge(x.value(), low) * le(x.value(), high), dy, scalar(0.0, dy.dtype()));
  };
  return record("clamp", clamp(x.value(), lo, hi), {{x, fused(Op::clamp_pullback, plain, x, low, high)}});
}

Variable where(const Tensor& condition, const Variable& a, const Variable& b) {
  const Variable saved = condition;
  return record("where", where(condition, a.value(), b.value()),
                {{a,
                  [saved, shape = a.shape()](auto dy) {
                    const Tensor zero = scalar(0.0, dy.dtype());
                    return sum_to(where(saved.value(), dy, zero), shape);
                  }},
                 {b, [saved, shape = b.shape()](auto dy) {
                    const Tensor zero = scalar(0.0, dy.dtype());
                    return sum_to(where(saved.value(), zero, dy), shape);
                  }}});
}

}  // namespace ravine
