/// @file
/// Products of matrices.
#pragma once

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Whether a product reads an operand as it is stored or transposed.
enum class Transpose : bool { no, yes };

/// The product of (m, k) and (k, n) as (m, n); a vector (k) counts as one row on the left and one column on the right,
/// and that dimension goes. Floating types. Throws ShapeError, DTypeError.
Tensor matmul(const Tensor& a, const Tensor& b);
/// op(a) op(b) for matrices, without making the transposes.
Tensor matmul(const Tensor& a, const Tensor& b, Transpose transpose_a, Transpose transpose_b);

/// x W^T + b: x (…, in), weight (out, in), bias (out) or an empty tensor; (…, out). Throws ShapeError, DTypeError.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

}  // namespace ravine
