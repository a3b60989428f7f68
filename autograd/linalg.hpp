/// @file
/// Differentiable products; see core/linalg.hpp for shapes and errors.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/linalg.hpp>

namespace ravine {

Variable matmul(const Variable& a, const Variable& b);
Variable matmul(const Variable& a, const Variable& b, Transpose transpose_a, Transpose transpose_b);

/// x W^T + b as one op: x (…, in), weight (out, in), bias (out) or an undefined Variable; (…, out).
Variable linear(const Variable& x, const Variable& weight, const Variable& bias = {});

}  // namespace ravine
