/// @file
/// What AdaHessian and Sophia share: gradients that are recorded and the diagonal of the Hessian from them;
/// for the library's sources, not its public headers.
#pragma once

#include <vector>

#include <ravine/optim/adahessian.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The elements of a list that belong to a group.
struct PartOf {
  std::size_t begin, end;
  std::vector<Variable> operator()(const std::vector<Variable>& all) const {
    return std::vector<Variable>(all.data() + begin, all.data() + end);
  }
};

/// The gradients of the loss, to be differentiated again; undefined where it does not depend on the parameter. Throws
/// std::logic_error if it depends on none.
std::vector<Variable> recorded_gradients(const char* op, const Variable& loss, const std::vector<Variable>& params);
/// `diagonal` of these, checked, or Hutchinson's estimate if it is empty. Throws std::invalid_argument.
std::vector<Tensor> diagonal_of(const char* op, const std::vector<Variable>& params,
                                const std::vector<Variable>& gradients, const optim::HessianDiagonal& diagonal,
                                Index samples);
/// The parameters get copies of the gradients there are.
void set_gradients(const std::vector<Variable>& params, const std::vector<Variable>& gradients);

}  // namespace ravine::detail
#pragma GCC visibility pop
