/// @file
/// Differentiable functions of one number, elementwise. Floating types only; DTypeError otherwise.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/elementwise.hpp>

namespace ravine {

Variable sqrt(const Variable& x);
Variable exp(const Variable& x);
Variable log(const Variable& x);
Variable log1p(const Variable& x);
Variable expm1(const Variable& x);
Variable sin(const Variable& x);
Variable cos(const Variable& x);
Variable erf(const Variable& x);

}  // namespace ravine
