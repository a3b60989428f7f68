/// @file
/// Reductions over all or some dimensions. With keepdim the reduced ones stay, with size 1.
///
/// All throw ShapeError, naming themselves, for a dimension that is not there, and DTypeError where an integer tensor
/// makes no sense. Sums are taken over pieces fixed by the shape: the same bits on any number of threads.
#pragma once

#include <vector>

#include <ravine/core/tensor.hpp>

namespace ravine {

Tensor sum(const Tensor& x, const Dims& dims = {}, bool keepdim = false);   ///< of nothing: 0. i64 and u8 sum to i64
Tensor mean(const Tensor& x, const Dims& dims = {}, bool keepdim = false);  ///< of nothing: NaN
/// The sum of the products of all elements, made and added up in double precision, which f32 cannot overflow.
/// Throws ShapeError, DTypeError if the tensors differ in shape or type.
double dot(const Tensor& x, const Tensor& y);
/// The Euclidean norm of all elements of these tensors together, in double precision, without overflow. Of nothing: 0.
/// Throws DTypeError.
double total_norm(const std::vector<Tensor>& tensors);
/// Sum of squared deviations from the mean over (count - correction): 1 for the unbiased estimate, 0 for the mean
/// square.
Tensor var(const Tensor& x, const Dims& dims = {}, bool keepdim = false, double correction = 1.0);
/// The root of `var`; no square overflows (but differences of more than the type holds do). 0 exactly where all are
/// equal. After `using namespace ravine` it is called `ravine::std`.
Tensor std(const Tensor& x, const Dims& dims = {}, bool keepdim = false, double correction = 1.0);
/// Products, made in double precision; of nothing: 1. Those of i64 and u8 are i64.
Tensor prod(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// Sums of the elements up to each one along a dimension, added up in double precision. Those of i64 and u8 are i64.
Tensor cumsum(const Tensor& x, Index dim);
/// The same from each element to the last: the gradient of `cumsum`.
Tensor cumsum_pullback(const Tensor& dy, Index dim);
/// u8: 1 if any is not 0, as NaN is not; of nothing: 0.
Tensor any(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// u8: 1 if none is 0; of nothing: 1.
Tensor all(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// False if an element is NaN or infinite. In one fast pass, unlike all(isfinite(x)).
bool all_finite(const Tensor& x);
Tensor max(const Tensor& x, const Dims& dims = {}, bool keepdim = false);  ///< NaN if any is; ShapeError of nothing
Tensor min(const Tensor& x, const Dims& dims = {}, bool keepdim = false);  ///< NaN if any is; ShapeError of nothing
/// Position (i64) of the largest element along a dimension, the first of equals. ShapeError of nothing.
Tensor argmax(const Tensor& x, Index dim, bool keepdim = false);
/// Position (i64) of the smallest element along a dimension, the first of equals. ShapeError of nothing.
Tensor argmin(const Tensor& x, Index dim, bool keepdim = false);
/// Euclidean norm; squares are added up where they can neither overflow nor vanish.
Tensor norm(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// log(sum(exp(x))), without overflow; of nothing: -inf.
Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim = false);
/// exp(x) / sum(exp(x)) over these dimensions; NaN where all of them hold -inf, or one +inf.
Tensor softmax(const Tensor& x, const Dims& dims);
/// x - logsumexp(x), exact also where the largest x is far from 0; NaN where softmax is.
Tensor log_softmax(const Tensor& x, const Dims& dims);

namespace detail {

/// The first element along these dimensions, which stay with size 1. Seen from there equal numbers are 0, and close
/// ones lose no digits to a mean far away. Throws as `op`.
Tensor first_of(const char* op, const Tensor& x, const Dims& dims);

}  // namespace detail

/// Sums x over the dimensions along which `shape` was broadcast to x's shape: what broadcasting's gradient does.
Tensor sum_to(Tensor x, const Shape& shape);

namespace detail {

/// x less its mean along dims, twice: the mean that was taken first was rounded to x's type, and what that lost may be
/// large beside the deviations. For Tensors and Variables.
template <class V>
V centered(const V& x, const Dims& dims) {
  const V d = x - mean(x, dims, true);
  return d - mean(d, dims, true);
}

}  // namespace detail
}  // namespace ravine
