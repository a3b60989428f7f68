/// @file
/// A function near a point: its Taylor polynomials, its curvature, and what kind of critical point it is.
#pragma once

#include <ravine/autograd/grad.hpp>

namespace ravine::optim {

/// A function's value and first two derivatives at a point theta_0, and with them its approximations
///
///     first order   f(theta_0) + g . d                        d = theta - theta_0
///     second order  f(theta_0) + g . d + 1/2 d^T H d
///
/// which are evaluated in double precision. Both throw ShapeError for a theta of another shape.
struct Taylor {
  Tensor point;     ///< theta_0
  double value;     ///< f(theta_0)
  Tensor gradient;  ///< g, of theta_0's shape
  Tensor hessian;   ///< H, (n, n) for theta_0 of n elements in row-major order

  double first_order(const Tensor& theta) const;
  double second_order(const Tensor& theta) const;
};

/// The expansion of a scalar function at theta, of any shape: one evaluation of f and n + 1 backward passes.
/// Throws std::logic_error if f gives more than one element or does not depend on theta.
Taylor taylor(Function f, const Tensor& theta);

/// A = V diag(values) V^T.
struct Eigenpairs {
  Tensor values;   ///< (n), ascending
  Tensor vectors;  ///< V, (n, n): column i, of length 1, belongs to value i. Its sign has no meaning.
};

/// Eigenvalues and orthonormal eigenvectors of (A + A^T)/2, computed in double precision and given in A's dtype.
/// Throws ShapeError if A is not square, DTypeError if it is not floating, std::invalid_argument if an element is NaN
/// or infinite.
Eigenpairs symmetric_eigen(const Tensor& A);

enum class CriticalPoint {
  minimum,       ///< all eigenvalues positive
  maximum,       ///< all eigenvalues negative
  saddle,        ///< eigenvalues of both signs
  degenerate,    ///< an eigenvalue of 0 and others of one sign at most: second derivatives do not tell
  not_critical,  ///< the gradient is not 0
};

/// What the eigenvalues of the Hessian at a critical point make it. One within tolerance times the largest magnitude
/// of 0 counts as 0. Throws as `symmetric_eigen`; std::invalid_argument unless tolerance >= 0.
CriticalPoint classify_critical_point(const Tensor& hessian, double tolerance = 1e-6);
/// The same with a look at the gradient, which counts as 0 up to |g| <= tolerance |H| (1 + |theta_0|): what an error of
/// that tolerance in theta_0 would make of it. f times a constant is classified alike.
CriticalPoint classify_critical_point(const Taylor& at, double tolerance = 1e-6);

}  // namespace ravine::optim
