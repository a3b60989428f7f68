/// @file
/// Differentiable reductions over all or some dimensions; see core/reduce.hpp for values and errors.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine {

Variable sum(Variable x, const Dims& dims = {}, bool keepdim = false);
Variable mean(Variable x, const Dims& dims = {}, bool keepdim = false);
Variable var(const Variable& x, const Dims& dims = {}, bool keepdim = false, double correction = 1.0);
Variable std(const Variable& x, const Dims& dims = {}, bool keepdim = false,
             double correction = 1.0);                                          ///< derivatives where all are equal: 0
Variable prod(const Variable& x, const Dims& dims = {}, bool keepdim = false);  ///< derivatives at zeros are right too
Variable cumsum(const Variable& x, Index dim);
Variable cumsum_pullback(const Variable& dy, Index dim);
Variable max(const Variable& x, const Dims& dims = {}, bool keepdim = false);   ///< equal values share the gradient
Variable min(const Variable& x, const Dims& dims = {}, bool keepdim = false);   ///< equal values share the gradient
Variable norm(const Variable& x, const Dims& dims = {}, bool keepdim = false);  ///< first and second derivative at 0: 0
/// Derivative 0 where all that is summed is -inf.
Variable logsumexp(const Variable& x, const Dims& dims, bool keepdim = false);
Variable softmax(const Variable& x, const Dims& dims);
Variable log_softmax(const Variable& x, const Dims& dims);

/// x . y / (max(|x|, eps) max(|y|, eps)) along a dimension of what x and y broadcast to, for lengths that their type
/// holds. Throws ShapeError, DTypeError.
Variable cosine_similarity(const Variable& x, const Variable& y, Index dim = 1, double eps = 1e-8);

/// Sums x over the dimensions along which `shape` was broadcast to x's shape.
Variable sum_to(Variable x, const Shape& shape);

}  // namespace ravine
