/// @file
/// Ops that move elements: reorder, join, cut, pick, spread. They work on every dtype.
#pragma once

#include <initializer_list>
#include <vector>

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Swaps two dimensions; by default the last two. Copies. Throws ShapeError.
Tensor transpose(const Tensor& x, Index dim0 = -2, Index dim1 = -1);
/// Dimension k of the result is dimension dims[k] of x; each is listed once. Copies. Throws ShapeError.
Tensor permute(const Tensor& x, const Dims& dims);
/// The elements in the opposite order along these dimensions. Copies. Throws ShapeError.
Tensor flip(const Tensor& x, const Dims& dims);
/// Without those of these dimensions that have size 1. Shares memory. Throws ShapeError.
Tensor squeeze(const Tensor& x, const Dims& dims = {});
/// With a new dimension of size 1, which is `dim` of the result. Shares memory. Throws ShapeError.
Tensor unsqueeze(const Tensor& x, Index dim);
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
/// Slices of this size, one after the other along a dimension; what is left over makes a smaller one. Share memory as
/// `slice` does. Throws ShapeError, std::invalid_argument unless size > 0.
std::vector<Tensor> split(const Tensor& x, Index size, Index dim = 0);
/// Slices of these sizes. Throws ShapeError unless they add up to x's.
std::vector<Tensor> split(const Tensor& x, const std::vector<Index>& sizes, Index dim = 0);
std::vector<Tensor> split(const Tensor& x, std::initializer_list<Index> sizes, Index dim = 0);
/// Slices of the size that makes n of them, rounded up: the last may be smaller, and there may be fewer. Throws
/// ShapeError, std::invalid_argument unless n > 0.
std::vector<Tensor> chunk(const Tensor& x, Index n, Index dim = 0);
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

namespace detail {

// Sizes of the pieces that `split` and `chunk` make; they throw as those.
std::vector<Index> split_sizes(const Shape& shape, Index size, Index dim);
std::vector<Index> chunk_sizes(const Shape& shape, Index n, Index dim);
void check_sizes(const Shape& shape, const std::vector<Index>& sizes, Index dim);

/// `split` of a Tensor or a Variable.
template <class X>
std::vector<X> pieces(const X& x, const std::vector<Index>& sizes, Index dim) {
  check_sizes(x.shape(), sizes, dim);
  std::vector<X> slices;
  slices.reserve(sizes.size());
  Index begin = 0;
  for (const Index size : sizes) {
    slices.push_back(slice(x, dim, begin, begin + size));
    begin += size;
  }
  return slices;
}

}  // namespace detail
}  // namespace ravine
