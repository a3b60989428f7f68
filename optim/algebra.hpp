/// @file
/// What rules for whole parameters are made of; for the library's sources, not its public headers.
#pragma once

#include <span>
#include <utility>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/kernels/passes.hpp>
#include <ravine/optim/parameterwise.hpp>
#include <ravine/optim/sgd.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

inline double norm_of(const Tensor& x) { return total_norm({x}); }

/// x̄ ← β x̄ + (1 - β) x.
void average(Tensor& mean, Tensor x, double beta);

/// The rule of one of the library's optimizers, in one pass over x, with g for the gradient and what it keeps.
template <class O>
void apply(const typename O::Rule& rule, const Tensor& x, Tensor g, std::span<Tensor> kept) {
  Variable same(x);
  same.set_grad(std::move(g));
  run_rule(built_in_loops<O>(), &rule, {&same, 1}, kept);
}

Sums run_pass(std::size_t place, const void* pass, const Variable& p, std::span<Tensor> kept);

/// A pass over the parameter, its gradient and the first tensors that are kept: what it adds up, over pieces of a fixed
/// length, so that the number of threads decides nothing.
template <class Pass>
Sums run_pass(const Pass& pass, const Variable& p, std::span<Tensor> kept) {
  return run_pass(Passes::place<Pass>(), &pass, p, kept.first(Pass::slots));
}

/// θ ← θ - scale step - decay θ, in its memory.
void descend(const Variable& p, Tensor step, double scale = 1.0, double decay = 0.0);

/// The parameter as a matrix of its first dimension by all others.
Tensor as_matrix(const Tensor& x);

/// Zeros of the parameter's shape, or nothing.
Tensor zeros_if(bool kept, const Variable& p);

/// What AdamW keeps for a parameter.
Kept adamw_keeps(const optim::AdamWOptions& o, const Variable& p);
/// An update of AdamW on one parameter, whose m and v are kept; one whose β is 0 is empty.
void adamw_step(const optim::AdamWOptions& o, double factor, Index t, const Variable& p, std::span<Tensor> kept);

}  // namespace ravine::detail
#pragma GCC visibility pop
