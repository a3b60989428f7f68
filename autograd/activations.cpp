#include <ravine/autograd/activations.hpp>

#include <numbers>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/fused.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>

namespace ravine {

using detail::fused;
using detail::map;
using detail::take_value;
using kernels::Op;

Variable tanh(const Variable& x) {
  return record("tanh", tanh(x.value()), {{x, [](auto dy, const auto& y) { return tanh_pullback(std::move(dy), y); }}});
}

Variable tanh_pullback(const Variable& dy, const Variable& y) {
  return record("tanh_pullback", tanh_pullback(dy.value(), y.value()),
                {{dy, [y](auto d) { return tanh_pullback(std::move(d), like(d, y)); }},
                 {y, [dy, y](auto d) { return std::move(d) * like(d, dy) * like(d, y) * -2.0; }}});
}

Variable sigmoid(const Variable& x) {
  return record("sigmoid", sigmoid(x.value()),
                {{x, [](auto dy, const auto& y) { return sigmoid_pullback(std::move(dy), y); }}});
}

Variable sigmoid_pullback(const Variable& dy, const Variable& y) {
  return record("sigmoid_pullback", sigmoid_pullback(dy.value(), y.value()),
                {{dy, [y](auto d) { return sigmoid_pullback(std::move(d), like(d, y)); }},
                 {y, [dy, y](auto d) { return std::move(d) * like(d, dy) * (1.0 - like(d, y) * 2.0); }}});
}

Variable relu(Variable x) {
  // What follows nearly every layer needs neither memory nor, if it can do without, a node of its own.
  static constexpr detail::Epilogue epilogue = {"relu", relu_pullback, relu_pullback};
  if (detail::append(x, relu, epilogue)) return x;
  Tensor y = relu(take_value(x));
  return record("relu", std::move(y), {{x, [](auto dy, const auto& y) { return relu_pullback(std::move(dy), y); }}});
}

Variable relu_pullback(Variable dy, const Variable& y) {
  Tensor dx = relu_pullback(take_value(dy), y.value());
  return record("relu_pullback", std::move(dx),
                {{dy, [y](auto d) { return relu_pullback(std::move(d), like(d, y)); }}});
}

Variable leaky_relu(const Variable& x, double slope) {
  const auto plain = [x, slope](Variable dy) { return where(gt(x.value(), 0.0), dy, dy * slope); };
  return record("leaky_relu", map(Op::leaky_relu, {x.value(), slope}),
                {{x, fused(Op::leaky_relu_pullback, plain, x, slope)}});
}

Variable elu(const Variable& x, double alpha) {
  const Tensor positive = gt(x.value(), 0.0);
  // The exponential is taken of negative numbers only: what is not used must not overflow either.
  return record("elu", where(positive, x.value(), expm1(minimum(x.value(), 0.0)) * alpha),
                {{x, [x, alpha](auto dy) {
                    // min(x, 0) by way of relu, which has no slope at 0: the second derivative there is 0.
                    return where(gt(x.value(), 0.0), dy, dy * exp(-relu(-like(dy, x))) * alpha);
                  }}});
}

namespace {

// Beyond, the activations below are x or 0 to the last digit, and nothing there must overflow.
constexpr double reach = 1000.0;

template <class V>
V within_reach(const V& x) {
  return clamp(x, -reach, reach);
}

constexpr double root_2_over_pi = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
constexpr double cubic = 0.044715;

/// Phi(x).
template <class V>
V normal_cdf(const V& x) {
  return (erf(x * (std::numbers::sqrt2 / 2.0)) + 1.0) * 0.5;
}

/// (1 + tanh(z)) / 2 for z = sqrt(2 / pi) (x + 0.044715 x^3), whose sum would cancel for negative z.
template <class V>
V cdf_by_tanh(const V& x) {
  return sigmoid((x + square(x) * x * cubic) * (2.0 * root_2_over_pi));
}

}  // namespace

Variable gelu(const Variable& x, std::string_view approximate) {
  if (approximate == "none") {
    const auto pullback = [x](auto dy) {
      const auto near = within_reach(like(dy, x));
      return std::move(dy) * (normal_cdf(like(dy, x)) + near * exp(square(near) * -0.5) * (root_2_over_pi / 2.0));
    };
    return record("gelu", clamp(x.value(), -reach, {}) * normal_cdf(x.value()), {{x, pullback}});
  }
  if (approximate != "tanh")
    throw std::invalid_argument(detail::text("gelu: approximate must be 'none' or 'tanh', got '", approximate, "'"));
  const auto pullback = [x](auto dy) {
    const auto near = within_reach(like(dy, x));
    const auto p = cdf_by_tanh(near);
    const auto slope = (square(near) * (3.0 * cubic) + 1.0) * (2.0 * root_2_over_pi);
    return std::move(dy) * (p + near * p * (1.0 - p) * slope);
  };
  return record("gelu", clamp(x.value(), -reach, {}) * cdf_by_tanh(within_reach(x.value())), {{x, pullback}});
}

Variable softplus(const Variable& x, double beta) {
  return record("softplus", softplus(x.value(), beta),
                {{x, [x, beta](auto dy) { return std::move(dy) * sigmoid(like(dy, x) * beta); }}});
}

Variable silu(const Variable& x) {
  const auto pullback = [x](auto dy, const auto& y) {
    const auto s = sigmoid(like(dy, x));
    return std::move(dy) * (s + clamp(y, {}, reach) * (1.0 - s));
  };
  return record("silu", clamp(x.value(), -reach, {}) * sigmoid(x.value()), {{x, pullback}});
}

}  // namespace ravine
