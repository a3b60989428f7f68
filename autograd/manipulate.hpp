/// @file
/// Differentiable ops that move elements; see core/manipulate.hpp for values and errors.
#pragma once

#include <initializer_list>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/manipulate.hpp>

namespace ravine {

Variable transpose(const Variable& x, Index dim0 = -2, Index dim1 = -1);
Variable permute(const Variable& x, const Dims& dims);
Variable flip(const Variable& x, const Dims& dims);
Variable squeeze(const Variable& x, const Dims& dims = {});
Variable unsqueeze(const Variable& x, Index dim);
Variable reshape(const Variable& x, const Shape& shape);
Variable slice(const Variable& x, Index dim, Index begin, Index end);
Variable broadcast_to(const Variable& x, const Shape& shape);
Variable concat(const std::vector<Variable>& parts, Index dim);
Variable stack(const std::vector<Variable>& parts, Index dim);
std::vector<Variable> split(const Variable& x, Index size, Index dim = 0);
std::vector<Variable> split(const Variable& x, const std::vector<Index>& sizes, Index dim = 0);
std::vector<Variable> split(const Variable& x, std::initializer_list<Index> sizes, Index dim = 0);
std::vector<Variable> chunk(const Variable& x, Index n, Index dim = 0);
Variable index_select(const Variable& x, Index dim, const Tensor& index);
Variable gather(const Variable& x, Index dim, const Tensor& index);

// The gradients of slice, index_select and gather, as ops of their own.
Variable slice_pullback(const Variable& dy, const Shape& shape, Index dim, Index begin);
Variable index_select_pullback(const Variable& dy, const Shape& shape, Index dim, const Tensor& index);
Variable gather_pullback(const Variable& dy, const Shape& shape, Index dim, const Tensor& index);

}  // namespace ravine
