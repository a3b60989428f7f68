/// @file
/// Products of matrices, and systems of linear equations.
#pragma once

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Whether a product reads an operand as it is stored or transposed.
enum class Transpose : bool { no, yes };

/// op(a) op(b), without making transposes: op(a) is (…, m, k) and op(b) (…, k, n), batches of matrices that broadcast;
/// (…, m, n). A vector (k) counts as one row on the left and one column on the right, and that dimension goes. Floating
/// types. Throws ShapeError, DTypeError.
Tensor matmul(const Tensor& a, const Tensor& b, Transpose transpose_a = Transpose::no,
              Transpose transpose_b = Transpose::no);

/// x W^T + b: x (…, in), weight (out, in), bias (out) or an empty tensor; (…, out). Throws ShapeError, DTypeError.
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});

/// The x with a x = b, for a (n, n) and b (n) or (n, k), by LU decomposition with partial pivoting. Throws ShapeError,
/// DTypeError, std::invalid_argument for a singular a, whose elimination leaves a pivot of 0.
Tensor solve(const Tensor& a, const Tensor& b);
/// The lower triangular L with L L^T = a, for a symmetric positive definite a (n, n), of which the lower triangle is
/// read. Throws ShapeError, DTypeError, std::invalid_argument for an a that is not positive definite.
Tensor cholesky(const Tensor& a);

namespace detail {

// For ops that take products apart. They throw ShapeError as the products.
Shape matmul_shape(const Shape& a, const Shape& b, Transpose transpose_a, Transpose transpose_b);
void check_linear(const Shape& x, const Shape& weight);

}  // namespace detail

}  // namespace ravine
