/// @file
/// Gradients as values, and what is built from gradients of gradients.
#pragma once

#include <optional>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/function_ref.hpp>

namespace ravine {

struct GradOptions {
  bool create_graph = false;           ///< record the gradients, so that they can be differentiated
  std::optional<bool> retain_graph{};  ///< keep the graph for another pass; by default as create_graph
  bool allow_unused = false;  ///< inputs the output does not depend on give an undefined Variable, not an error
};

/// d(output)/d(input) for each input, which may be parameters or results on the way; nothing is accumulated anywhere.
/// Throws std::logic_error if the output has more than one element or an input has no part in it.
std::vector<Variable> grad(const Variable& output, const std::vector<Variable>& inputs,
                           const GradOptions& options = {});

/// A function of one variable. Those below record what it computes, also within a NoGrad.
using Function = FunctionRef<Variable(const Variable&)>;

/// H v for the Hessian H of a scalar function at x, by differentiating its gradient's product with v: the cost of a few
/// gradients. v and the result have x's shape.
Tensor hvp(Function f, const Tensor& x, const Tensor& v);

/// The Hessian of a scalar function at x, (n, n) for x of n elements.
Tensor hessian(Function f, const Tensor& x);

/// The derivatives of a function's m elements in x's n, (m, n).
Tensor jacobian(Function f, const Tensor& x);

}  // namespace ravine
