/// @file
/// Differentiable products and systems of linear equations; see core/linalg.hpp for shapes and errors.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/linalg.hpp>

namespace ravine {

Variable matmul(const Variable& a, const Variable& b, Transpose transpose_a = Transpose::no,
                Transpose transpose_b = Transpose::no);

/// x W^T + b as one op: x (…, in), weight (out, in), bias (out) or an undefined Variable; (…, out).
Variable linear(const Variable& x, const Variable& weight, const Variable& bias = {});

Variable solve(const Variable& a, const Variable& b);
Variable cholesky(const Variable& a);  ///< its gradient is symmetric, as a is

}  // namespace ravine
