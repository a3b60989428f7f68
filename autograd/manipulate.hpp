/// @file
/// Differentiable ops that move elements; see core/manipulate.hpp for values and errors.
#pragma once

#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/manipulate.hpp>

namespace ravine {

Variable transpose(const Variable& x, Index dim0 = -2, Index dim1 = -1);
Variable reshape(const Variable& x, const Shape& shape);
Variable slice(const Variable& x, Index dim, Index begin, Index end);
Variable broadcast_to(const Variable& x, const Shape& shape);
Variable concat(const std::vector<Variable>& parts, Index dim);
Variable stack(const std::vector<Variable>& parts, Index dim);
Variable index_select(const Variable& x, Index dim, const Tensor& index);
Variable gather(const Variable& x, Index dim, const Tensor& index);

// The gradients of slice, index_select and gather, as ops of their own.
Variable slice_pullback(const Variable& dy, const Shape& shape, Index dim, Index begin);
Variable index_select_pullback(const Variable& dy, const Shape& shape, Index dim, const Tensor& index);
Variable gather_pullback(const Variable& dy, const Shape& shape, Index dim, const Tensor& index);

}  // namespace ravine
