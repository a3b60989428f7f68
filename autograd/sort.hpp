/// @file
/// Differentiable ops that put elements in order; see core/sort.hpp for values and errors. The gradient of a value goes
/// to the element that it is.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/sort.hpp>

namespace ravine {

Sorted<Variable> sort(const Variable& x, Index dim = -1, bool descending = false);
Sorted<Variable> topk(const Variable& x, Index k, Index dim = -1, bool largest = true);

}  // namespace ravine
