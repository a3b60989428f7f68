/// @file
/// The loops of the library's own rules, compiled once for each instruction set; for the library's sources, not its
/// public headers.
#pragma once

#include <algorithm>

#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/optim/rules.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

template <std::size_t>
using SlotType = float&;
template <class Rule, std::size_t... k>
consteval bool takes_slots(std::index_sequence<k...>) {
  return std::is_invocable_v<const Rule&, float&, float, SlotType<k>...>;
}
/// How many slots a rule sees: as many as it can be called with.
template <class Rule, std::size_t most = max_slots>
consteval std::size_t slots_of() {
  if constexpr (takes_slots<Rule>(std::make_index_sequence<most>()))
    return most;
  else if constexpr (most > 0)
    return slots_of<Rule, most - 1>();
  else
    static_assert(most > 0, "a rule is called as (T& theta, T g, slots…) const");
}

template <class Rule, std::size_t... k>
consteval std::size_t sums_of(std::index_sequence<k...>) {
  return summed<std::invoke_result_t<const Rule&, float&, float, SlotType<k>...>>;
}
/// How many numbers a rule adds up.
template <class Rule>
consteval std::size_t sums_of() {
  return sums_of<Rule>(std::make_index_sequence<slots_of<Rule>()>());
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

/// Changes a parameter, which has a gradient, at this time of the write clock: what the rule adds up.
Sums run_rule(const RuleLoops& loops, const void* rule, const Variable& p, std::span<Tensor> slots, std::uint64_t time);

/// What rules add up for pieces of a parameter, or its rows, is kept in a row for each, f64.
inline void keep_sums(Tensor& all, Index i, const Sums& sums) {
  std::copy(sums.begin(), sums.end(), all.raw<double>() + 2 * i);
}
/// All together.
Sums sum_of(const Tensor& sums);

}  // namespace ravine::detail
#pragma GCC visibility pop

namespace ravine::detail {

template <class Rule>
const RuleLoops& built_in_loops() {
  return active_loops<Rule>();
}

/// built_in_loops of an optimizer, if it is a rule for one element.
template <class O>
consteval auto built_in() -> const RuleLoops& (*)() {
  if constexpr (requires { typename O::Rule; }) {
    static_assert(slots_of<typename O::Rule>() == O::slots.size(), "a rule takes the slots it names");
    static_assert(O::built_in, "an optimizer of a list says `built_in`, or its rule is compiled by its users");
    return built_in_loops<typename O::Rule>;
  }
  return nullptr;
}
/// Names those of a list, so that the compiler makes them.
template <class... O>
consteval auto built_in(OptimizerList<O...> /*list*/) {
  return std::array{built_in<O>()...};
}

}  // namespace ravine::detail
