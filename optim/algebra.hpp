/// @file
/// What rules for whole parameters are made of; for the library's sources, not its public headers.
#pragma once

#include <span>
#include <utility>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/parameterwise.hpp>
#include <ravine/optim/sgd.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

inline double norm_of(const Tensor& x) { return total_norm({x}); }

/// The root of the mean of squares.
double rms(const Tensor& x);

/// x̄ ← β x̄ + (1 - β) x.
void average(Tensor& mean, Tensor x, double beta);

/// a / b, and 0 where a is 0.
Tensor quotient(const Tensor& a, Tensor b);

/// The rule of one of the library's optimizers, in one pass over x, with g for the gradient and what it keeps.
template <class O>
void apply(const typename O::Rule& rule, const Tensor& x, Tensor g, std::span<Tensor> kept) {
  Variable same(x);
  same.set_grad(std::move(g));
  run_rule(built_in_loops<O>(), &rule, {&same, 1}, kept);
}

/// Brings the means m and v of g, the first two that are kept, up to date: m̂ / (√v̂ + ε), with both corrected.
Tensor adam_direction(const Tensor& g, std::span<Tensor> kept, double beta1, double beta2, Index t, double eps);

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
