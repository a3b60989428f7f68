/// @file
/// The loops of the library's own rules, compiled once for each instruction set.
#pragma once

#include <array>

#include <ravine/core/isa.hpp>
#include <ravine/optim/rules.hpp>

namespace ravine::detail {

/// In the order of Rules.
using RuleTable = std::array<RuleLoops, Rules::size>;

/// Defined by kernels/rules.cpp for the instruction set it is compiled for.
template <Isa isa>
const RuleTable& rule_table();

}  // namespace ravine::detail
