/// @file
/// Ops that move elements: transpose, join, pick, spread. They work on every dtype.
#pragma once

#include <initializer_list>
#include <vector>

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Swaps two dimensions; by default the last two. Copies. Throws ShapeError.
Tensor transpose(const Tensor& x, Index dim0 = -2, Index dim1 = -1);
/// x.reshape(shape): shares memory.
Tensor reshape(const Tensor& x, const Shape& shape);
/// x.slice(dim, begin, end): shares memory where it can.
Tensor slice(const Tensor& x, Index dim, Index begin, Index end);
/// Repeats x along new and size-1 dimensions; x itself if it has the shape. Throws ShapeError if it does not broadcast.
Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// Joins tensors along a dimension; the other sizes agree. Throws ShapeError, DTypeError, std::invalid_argument for an
/// empty list.
Tensor concat(const std::vector<Tensor>& parts, Index dim);
Tensor concat(std::initializer_list<Tensor> parts, Index dim);
/// Joins tensors of one shape along a new dimension, which is `dim` of the result. Throws as `concat`.
Tensor stack(const std::vector<Tensor>& parts, Index dim);
Tensor stack(std::initializer_list<Tensor> parts, Index dim);
/// The positions `index` (i64, rank 1) along `dim`; they may repeat. Throws ShapeError, DTypeError, std::out_of_range
/// for a position that is not in [0, size).
Tensor index_select(const Tensor& x, Index dim, const Tensor& index);
/// y[i][j] = x[index[i][j]][j] for dim 0, x[i][index[i][j]] for dim 1, and so on; `index` (i64) has x's rank and, but
/// along dim, no larger size. Throws as `index_select`.
Tensor gather(const Tensor& x, Index dim, const Tensor& index);

/// Zeros of this shape, with dy in the positions [begin, …) along dim: the gradient of `slice`.
Tensor slice_pullback(const Tensor& dy, const Shape& shape, Index dim, Index begin);
/// Adds dy into zeros at the places `index_select` took them from; repeated positions add up.
Tensor index_select_pullback(const Tensor& dy, const Shape& shape, Index dim, const Tensor& index);
/// Adds dy into zeros at the places `gather` took them from; repeated positions add up.
Tensor gather_pullback(const Tensor& dy, const Shape& shape, Index dim, const Tensor& index);

}  // namespace ravine
