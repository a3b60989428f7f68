/// @file
/// The loops of the library's own rules, compiled once for each instruction set; for the library's sources, not its
/// public headers.
#pragma once

#include <algorithm>

#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/optim/elementwise.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

template <class Rule, std::size_t... k>
consteval bool takes_slots(std::index_sequence<k...>) {
  return std::is_invocable_v<const Rule&, float&, float, decltype((static_cast<void>(k), std::declval<float&>()))...>;
}
/// How many slots a rule sees: as many as it can be called with.
template <class Rule, std::size_t most = max_slots>
consteval std::size_t slots_of() {
  if constexpr (takes_slots<Rule>(std::make_index_sequence<most>()))
    return most;
  else
    return slots_of<Rule, most - 1>();
}

/// Defined by kernels/rules.cpp and kernels/others.cpp for the instruction set they are compiled for.
template <Isa isa, class Rule>
RuleLoops compiled_loops();

/// For this processor.
template <class Rule>
const RuleLoops& active_loops() {
  static const RuleLoops active = with_active_isa([]<Isa isa>() { return compiled_loops<isa, Rule>(); });
  return active;
}

/// What rules add up for pieces of a parameter is kept in a row for each, f64: its memory costs nothing.
inline void keep_sums(Tensor& all, Index i, const Sums& sums) {
  std::copy(sums.begin(), sums.end(), all.raw<double>() + 2 * i);
}
/// All together.
Sums sum_of(const Tensor& sums);

}  // namespace ravine::detail
#pragma GCC visibility pop
