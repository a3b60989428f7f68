/// @file
/// Ops that move elements: transpose, join, pick, spread. They work on every dtype.
#pragma once

#include <vector>

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Swaps two dimensions; by default the last two. Copies.
Tensor transpose(const Tensor& x, Index dim0 = -2, Index dim1 = -1);
Tensor reshape(const Tensor& x, const Shape& shape);
Tensor slice(const Tensor& x, Index dim, Index begin, Index end);
/// Repeats x along new and size-1 dimensions. Throws ShapeError if it does not broadcast to `shape`.
Tensor broadcast_to(const Tensor& x, const Shape& shape);
/// Joins tensors along a dimension; the other sizes agree. Throws ShapeError, DTypeError.
Tensor concat(const std::vector<Tensor>& parts, Index dim);
/// Joins tensors of one shape along a new dimension.
Tensor stack(const std::vector<Tensor>& parts, Index dim);
/// The positions `index` (i64, one dimension) along `dim`. Throws std::out_of_range.
Tensor index_select(const Tensor& x, Index dim, const Tensor& index);
/// y[i][j] = x[index[i][j]][j] for dim 0, and so on; `index` (i64) has x's rank and no size larger but along dim.
Tensor gather(const Tensor& x, Index dim, const Tensor& index);

/// A tensor of zeros of this shape with x's positions [begin, …) along dim added: the gradient of `slice`.
Tensor slice_pullback(const Tensor& dy, const Shape& shape, Index dim, Index begin);
/// Adds dy into zeros at the places `index_select` took them from; repeated positions add up.
Tensor index_select_pullback(const Tensor& dy, const Shape& shape, Index dim, const Tensor& index);
/// Adds dy into zeros at the places `gather` took them from; repeated positions add up.
Tensor gather_pullback(const Tensor& dy, const Shape& shape, Index dim, const Tensor& index);

}  // namespace ravine
