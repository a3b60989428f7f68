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

namespace {

/// An activation by its kernels op(x, number…) and pullback(dy, x, number…); slope() is its derivative in plain ops,
/// for passes that are recorded.
template <class Slope, class... Number>
Variable activation(const char* name, Op op, Op pullback, const Variable& x, Slope slope, Number... number) {
  const auto plain = [slope](Variable dy) { return std::move(dy) * slope(); };
  return record(name, map(op, {x.value(), number...}), {{x, fused(pullback, plain, x, number...)}});
}

}  // namespace

Variable leaky_relu(const Variable& x, double slope) {
  const auto plain = [=] { return where(gt(x.value(), 0.0), scalar(1.0, x.dtype()), scalar(slope, x.dtype())); };
  return activation("leaky_relu", Op::leaky_relu, Op::leaky_relu_pullback, x, plain, slope);
}

Variable elu(const Variable& x, double alpha) {
  // min(x, 0) by way of relu, which has no slope at 0: the second derivative there is 0. Nothing overflows.
  const auto slope = [=] {
    return where(gt(x.value(), 0.0), Variable(scalar(1.0, x.dtype())), exp(-relu(-x)) * alpha);
  };
  return activation("elu", Op::elu, Op::elu_pullback, x, slope, alpha);
}

namespace {

// Beyond, the activations below are lines to the last digit, and nothing there must overflow.
constexpr double reach = 1000.0;

Variable within_reach(const Variable& x) { return clamp(x, -reach, reach); }

constexpr double root_2_over_pi = std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
constexpr double cubic = 0.044715;

/// Phi(x).
Variable normal_cdf(const Variable& x) { return (erf(x * (std::numbers::sqrt2 / 2.0)) + 1.0) * 0.5; }

/// (1 + tanh(z)) / 2 for z = sqrt(2 / pi) (x + 0.044715 x^3), whose sum would cancel for negative z.
Variable cdf_by_tanh(const Variable& x) { return sigmoid((x + square(x) * x * cubic) * (2.0 * root_2_over_pi)); }

}  // namespace

Variable gelu(const Variable& x, std::string_view approximate) {
  if (approximate == "none")
    return activation("gelu", Op::gelu, Op::gelu_pullback, x, [x] {
      const Variable near = within_reach(x);
      return normal_cdf(x) + near * exp(square(near) * -0.5) * (root_2_over_pi / 2.0);
    });
  if (approximate != "tanh")
    throw std::invalid_argument(detail::text("gelu: approximate must be 'none' or 'tanh', got '", approximate, "'"));
  return activation("gelu", Op::gelu_tanh, Op::gelu_tanh_pullback, x, [x] {
    const Variable near = within_reach(x), p = cdf_by_tanh(near);
    return p + near * p * (1.0 - p) * ((square(near) * (3.0 * cubic) + 1.0) * (2.0 * root_2_over_pi));
  });
}

Variable softplus(const Variable& x, double beta) {
  if (!(beta > 0)) return softplus(x.value(), beta);  // which refuses it
  return activation(
      "softplus", Op::softplus, Op::softplus_pullback, x, [=] { return sigmoid(x * beta); }, beta);
}

Variable silu(const Variable& x) {
  return activation("silu", Op::silu, Op::silu_pullback, x, [x] {
    const Variable s = sigmoid(x);
    return s + within_reach(x) * (s * (1.0 - s));
  });
}

}  // namespace ravine
