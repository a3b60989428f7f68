/// @file
/// Elementwise ops on tensors. Two operands broadcast by NumPy's rule and have one dtype; a scalar takes the tensor's.
///
/// Every op here throws DTypeError, naming itself, for operands of two types, for a floating scalar, or one it cannot
/// hold, with an integer tensor, and for an integer tensor where only floating ones make sense; ShapeError for shapes
/// that do not broadcast. Operands come by value: an op works in the memory of one that nobody else holds.
#pragma once

#include <optional>

#include <ravine/core/tensor.hpp>

namespace ravine {

Tensor operator+(Tensor a, Tensor b);
Tensor operator-(Tensor a, Tensor b);
Tensor operator*(Tensor a, Tensor b);
Tensor operator/(Tensor a, Tensor b);  ///< floating types only
Tensor operator+(Tensor a, Scalar b);
Tensor operator-(Tensor a, Scalar b);
Tensor operator*(Tensor a, Scalar b);
Tensor operator/(Tensor a, Scalar b);
Tensor operator+(Scalar a, Tensor b);
Tensor operator-(Scalar a, Tensor b);
Tensor operator*(Scalar a, Tensor b);
Tensor operator/(Scalar a, Tensor b);
Tensor operator-(Tensor x);

Tensor maximum(Tensor a, Tensor b);  ///< NaN if either is
Tensor minimum(Tensor a, Tensor b);  ///< NaN if either is
Tensor maximum(Tensor a, Scalar b);
Tensor minimum(Tensor a, Scalar b);
/// min(max(x, lo), hi); one limit may be missing: `clamp(x, 0.0, {})`. NaN stays. Throws std::invalid_argument for
/// none, and for two that are not in order.
Tensor clamp(Tensor x, std::optional<Scalar> lo, std::optional<Scalar> hi);
Tensor pow(Tensor x, Tensor exponent);  ///< floating types only, as are all below
Tensor pow(Tensor x, Scalar exponent);  ///< ±0.5 are sqrt and rsqrt, at -0 and -infinity too

// Comparisons give u8: 1 where they hold, 0 elsewhere (always 0 for NaN, but for ne).
Tensor eq(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, Scalar b);
Tensor ne(const Tensor& a, Scalar b);
Tensor lt(const Tensor& a, Scalar b);
Tensor le(const Tensor& a, Scalar b);
Tensor gt(const Tensor& a, Scalar b);
Tensor ge(const Tensor& a, Scalar b);
Tensor isfinite(const Tensor& x);

/// a where the condition (u8) is not 0, b elsewhere; all three broadcast. NaN that is not taken leaves no trace.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);

Tensor abs(Tensor x);
Tensor sign(Tensor x);  ///< -1, 0 or 1
Tensor square(Tensor x);
Tensor sqrt(Tensor x);
Tensor rsqrt(Tensor x);       ///< 1 / sqrt(x)
Tensor reciprocal(Tensor x);  ///< 1 / x
Tensor exp(Tensor x);
Tensor log(Tensor x);
Tensor log2(Tensor x);
Tensor log1p(Tensor x);
Tensor expm1(Tensor x);
Tensor sin(Tensor x);
Tensor cos(Tensor x);
Tensor tan(Tensor x);
Tensor atan(Tensor x);
Tensor erf(Tensor x);
Tensor tanh(Tensor x);
Tensor sigmoid(Tensor x);  ///< 1 / (1 + exp(-x)), without overflow
Tensor relu(Tensor x);     ///< max(x, 0); NaN stays
Tensor floor(Tensor x);
Tensor ceil(Tensor x);
Tensor round(Tensor x);  ///< to the nearest integer, the even one of two
/// log(1 + exp(beta x)) / beta, without overflow.
Tensor softplus(Tensor x, double beta = 1.0);

/// dy where y > 0, 0 elsewhere: what relu's gradient does. Also used with y = x.
Tensor relu_pullback(Tensor dy, const Tensor& y);
/// dy (1 - y^2): tanh's gradient from its value y.
Tensor tanh_pullback(Tensor dy, const Tensor& y);
/// dy y (1 - y): sigmoid's gradient from its value y.
Tensor sigmoid_pullback(Tensor dy, const Tensor& y);

}  // namespace ravine
