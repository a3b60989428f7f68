/// @file
/// The loops of the library's own rules, compiled once for each instruction set.
#pragma once

#include <ravine/core/isa.hpp>
#include <ravine/optim/elementwise.hpp>

namespace ravine::detail {

/// Defined by kernels/rules.cpp for the instruction set it is compiled for.
template <Isa isa, class O>
const RuleLoops<O>& rule_loops();

}  // namespace ravine::detail
