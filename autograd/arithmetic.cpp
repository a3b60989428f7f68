#include <ravine/autograd/arithmetic.hpp>

#include <ravine/autograd/math.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine {

using detail::take_value;

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
  const auto pullback = [x, p = exponent.value()](auto dy) {
    // x^0 is constant, also at x = 0, where the formula would give 0 times infinity.
    if (p == 0.0) return std::move(dy) * 0.0;
    return std::move(dy) * (pow(like(dy, x), Scalar(p - 1.0)) * p);
  };
  return record("pow", pow(x.value(), exponent), {{x, pullback}});
}

Variable pow(const Variable& x, const Variable& exponent) {
  return record("pow", pow(x.value(), exponent.value()),
                {{x,
                  [x, exponent, shape = x.shape()](auto dy) {
                    const auto& p = like(dy, exponent);
                    const Tensor constant = eq(exponent.value(), 0.0);
                    const Tensor zero = scalar(0.0, dy.dtype());
                    return sum_to(std::move(dy) * where(constant, zero, p * pow(like(dy, x), p - 1.0)), shape);
                  }},
                 {exponent, [x, exponent, shape = exponent.shape()](auto dy, const auto& y) {
                    // 0^p stays 0 for p >= 0, though log(0) is infinite.
                    const Tensor zero = scalar(0.0, dy.dtype());
                    const Tensor still = eq(x.value(), 0.0) * ge(exponent.value(), 0.0);
                    return sum_to(std::move(dy) * where(still, zero, y * log(like(dy, x))), shape);
                  }}});
}

Variable abs(const Variable& x) {
  return record("abs", abs(x.value()), {{x, [x](auto dy) { return std::move(dy) * sign(x.value()); }}});
}

Variable sign(const Variable& x) {
  return record("sign", sign(x.value()), {{x, [](auto dy) -> decltype(dy) { return zeros(dy.shape(), dy.dtype()); }}});
}

namespace {

/// The part of the gradient that an operand gets in a maximum: all where it is the greater one, half between equals.
Tensor share(const Tensor& greater, const Tensor& equal, DType dtype) {
  return greater.to(dtype) + equal.to(dtype) * 0.5;
}

}  // namespace

Variable maximum(const Variable& a, const Variable& b) {
  const auto edge = [](const Variable& mine, const Variable& other) {
    return [mine, other](auto dy) {
      const Tensor mask = share(gt(mine.value(), other.value()), eq(mine.value(), other.value()), mine.dtype());
      return sum_to(std::move(dy) * mask, mine.shape());
    };
  };
  return record("maximum", maximum(a.value(), b.value()), {{a, edge(a, b)}, {b, edge(b, a)}});
}

Variable minimum(const Variable& a, const Variable& b) {
  const auto edge = [](const Variable& mine, const Variable& other) {
    return [mine, other](auto dy) {
      const Tensor mask = share(lt(mine.value(), other.value()), eq(mine.value(), other.value()), mine.dtype());
      return sum_to(std::move(dy) * mask, mine.shape());
    };
  };
  return record("minimum", minimum(a.value(), b.value()), {{a, edge(a, b)}, {b, edge(b, a)}});
}

Variable maximum(const Variable& a, Scalar b) {
  const auto pullback = [a, b](auto dy) {
    return std::move(dy) * share(gt(a.value(), b), eq(a.value(), b), a.dtype());
  };
  return record("maximum", maximum(a.value(), b), {{a, pullback}});
}
Variable minimum(const Variable& a, Scalar b) {
  const auto pullback = [a, b](auto dy) {
    return std::move(dy) * share(lt(a.value(), b), eq(a.value(), b), a.dtype());
  };
  return record("minimum", minimum(a.value(), b), {{a, pullback}});
}

Variable clamp(const Variable& x, Scalar lo, Scalar hi) {
  const auto pullback = [x, lo, hi](auto dy) {
    const Tensor inside = ge(x.value(), lo) * le(x.value(), hi);
    return std::move(dy) * inside.to(x.dtype());
  };
  return record("clamp", clamp(x.value(), lo, hi), {{x, pullback}});
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
