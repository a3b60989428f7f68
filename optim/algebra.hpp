/// @file
/// What rules for whole parameters are made of; for the library's sources, not its public headers.
#pragma once

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/kernels/rules.hpp>
#include <ravine/optim/parameterwise.hpp>
#include <ravine/optim/sgd.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

inline double norm_of(const Tensor& x) { return total_norm({x}); }
/// Whether a sum of squares in the parameter's dtype has lost nothing by its range.
inline bool in_range(double squares) { return squares > 1e-30 && squares < 1e30; }
/// The norm of x, whose squares are added up already.
inline double norm_of(const Tensor& x, double squares) { return in_range(squares) ? std::sqrt(squares) : norm_of(x); }

/// x̄ ← β x̄ + (1 - β) x.
void average(Tensor& mean, Tensor x, double beta);

/// A rule for one element over the parameter, its gradient and the first tensors that are kept, where there are fewer
/// over zeros: what it adds up.
template <class Rule>
Sums run(const Rule& rule, const Variable& p, std::span<Tensor> kept) {
  return run_rule(active_loops<Rule>(), &rule, p, kept.first(std::min(kept.size(), slots_of<Rule>())),
                  advance_write_clock());
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
