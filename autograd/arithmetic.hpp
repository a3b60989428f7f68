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
Variable pow(const Variable& x, Scalar exponent);
Variable pow(const Variable& x, const Variable& exponent);
Variable abs(const Variable& x);   ///< derivative at 0: 0
Variable sign(const Variable& x);  ///< derivative 0

Variable maximum(const Variable& a, const Variable& b);  ///< equal values share the gradient
Variable minimum(const Variable& a, const Variable& b);  ///< equal values share the gradient
Variable maximum(const Variable& a, Scalar b);
Variable minimum(const Variable& a, Scalar b);
/// Derivative 1 in [lo, hi], limits included, and 0 outside.
Variable clamp(const Variable& x, Scalar lo, Scalar hi);
/// a where the condition (u8, a constant) is not 0, b elsewhere.
Variable where(const Tensor& condition, const Variable& a, const Variable& b);

}  // namespace ravine
