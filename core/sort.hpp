/// @file
/// Ops that put elements in order along a dimension. They work on every dtype; NaN counts as the largest value, and
/// equal values keep their order. All throw ShapeError for a dimension that is not there.
#pragma once

#include <ravine/core/tensor.hpp>

namespace ravine {

/// Values in order, of a Tensor or a Variable, and the positions (i64) along the dimension that they come from.
template <class X>
struct Sorted {
  X values;
  Tensor indices;
};

Sorted<Tensor> sort(const Tensor& x, Index dim = -1, bool descending = false);
/// The positions alone.
Tensor argsort(const Tensor& x, Index dim = -1, bool descending = false);
/// The k largest values in descending order, or the smallest in ascending order. Throws ShapeError unless there are k.
Sorted<Tensor> topk(const Tensor& x, Index k, Index dim = -1, bool largest = true);

}  // namespace ravine
