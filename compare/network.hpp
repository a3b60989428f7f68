/// @file
/// Problems of networks; for the library's sources, not its public headers.
#pragma once

#include <ravine/compare/problem.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// "mlp:cars,hidden=16" as a problem. Throws as compare::problem.
compare::Problem network(const std::string& name);
/// What may stand behind "mlp:".
std::vector<std::string> network_data();

}  // namespace ravine::detail
#pragma GCC visibility pop
