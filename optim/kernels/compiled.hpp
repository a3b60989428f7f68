/// @file
/// Compiles the loops of a list of optimizers; for kernels/rules.cpp and kernels/others.cpp, for the library's sources.
#pragma once

#include <tuple>

#include <ravine/optim/kernels/rules.hpp>
#include <ravine/optim/parameterwise.hpp>
#include <ravine/optim/rules.hpp>

namespace ravine::detail {
namespace {

// Local, unlike rule_loop: the linker must not take this code for that of another instruction set.
template <class Rule, class T>
Sums run(const void* rule, T* theta, const T* g, T* const* slots, Index begin, Index end) {
  return run_rule<Rule>(rule, theta, g, slots, begin, end, std::make_index_sequence<slots_of<Rule>()>());
}

}  // namespace

template <Isa isa, class Rule>
RuleLoops compiled_loops() {
  return {run<Rule, float>, run<Rule, double>};
}

/// The rules for one element that an optimizer has.
template <class O>
consteval auto passes_of() {
  if constexpr (requires { typename O::Rule; })
    return PassList<typename O::Rule>();
  else if constexpr (requires { typename O::Passes; })
    return typename O::Passes();
  else
    return PassList<>();
}

template <class... Rule>
consteval auto compiled(PassList<Rule...> /*list*/) {
  return std::array<RuleLoops (*)(), sizeof...(Rule)>{compiled_loops<Isa::RAVINE_KERNEL_ISA, Rule>...};
}
/// Names all of them, so that the compiler makes them.
template <class... O>
consteval auto compiled(OptimizerList<O...> /*list*/) {
  return std::tuple{compiled(passes_of<O>())...};
}

}  // namespace ravine::detail
