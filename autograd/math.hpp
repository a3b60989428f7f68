/// @file
/// Differentiable functions of one number, elementwise. Floating types only; DTypeError otherwise.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/elementwise.hpp>

namespace ravine {

Variable sqrt(const Variable& x);
Variable rsqrt(const Variable& x);       ///< 1 / sqrt(x)
Variable reciprocal(const Variable& x);  ///< 1 / x
Variable exp(const Variable& x);
Variable log(const Variable& x);
Variable log2(const Variable& x);
Variable log1p(const Variable& x);
Variable expm1(const Variable& x);
Variable sin(const Variable& x);
Variable cos(const Variable& x);
Variable tan(const Variable& x);
Variable atan(const Variable& x);
Variable erf(const Variable& x);
Variable floor(const Variable& x);  ///< derivative 0
Variable ceil(const Variable& x);   ///< derivative 0
Variable round(const Variable& x);  ///< to the nearest integer, the even one of two; derivative 0

}  // namespace ravine
