/// @file
/// Differentiable elementwise arithmetic. Operands broadcast by NumPy's rule and have one dtype; see
/// core/elementwise.hpp for values and errors. Where a derivative jumps, it is what PyTorch takes.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/elementwise.hpp>

namespace ravine {

Variable operator+(Variable a, Variable b);
Variable operator-(Variable a, Variable b);
Variable operator*(const Variable& a, const Variable& b);
Variable operator/(const Variable& a, const Variable& b);
Variable operator+(Variable a, Scalar b);
Variable operator-(Variable a, Scalar b);
Variable operator*(Variable a, Scalar b);
Variable operator/(Variable a, Scalar b);
Variable operator+(Scalar a, Variable b);
Variable operator-(Scalar a, Variable b);
Variable operator*(Scalar a, Variable b);
Variable operator/(Scalar a, const Variable& b);
Variable operator-(Variable x);

Variable square(const Variable& x);
Variable pow(const Variable& x, Scalar exponent);           ///< ±0.5 are sqrt and rsqrt, at -0 and -infinity too
Variable pow(const Variable& x, const Variable& exponent);  ///< 0^p: slope 0 for p = 0, and in p for p >= 0
Variable abs(const Variable& x);                            ///< derivative at 0: 0
Variable sign(const Variable& x);                           ///< derivative 0

/// Equal values share the gradient; where one is NaN, both get all of it.
Variable maximum(const Variable& a, const Variable& b);
Variable minimum(const Variable& a, const Variable& b);
Variable maximum(const Variable& a, Scalar b);
Variable minimum(const Variable& a, Scalar b);
/// Derivative 1 in [lo, hi], limits included, and 0 outside.
Variable clamp(const Variable& x, std::optional<Scalar> lo, std::optional<Scalar> hi);
/// a where the condition (u8, a constant) is not 0, b elsewhere. What is not taken gets a gradient of 0, which the op
/// that made it may still turn into NaN, as in PyTorch: in where(gt(x, 0.0), sqrt(x), b), 0 meets the infinite slope of
/// the root at x = 0. Cure: sqrt(where(gt(x, 0.0), x, one)).
Variable where(const Tensor& condition, const Variable& a, const Variable& b);

}  // namespace ravine
