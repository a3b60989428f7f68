/// @file
/// Methods as text, taken apart and put together; for the library's sources, not its public headers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ravine/optim/schedule.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// "adam:lr=0.1" and "cosine", which may be empty, of "adam:lr=0.1+cosine".
struct MethodParts {
  std::string optimizer, schedule;
};
MethodParts method_parts(const std::string& method);

/// Whether the text of an optimizer gives an option; "base.lr" is that of what it wraps.
bool gives_option(const std::string& optimizer, const std::string& option);
/// The method's text with more options.
std::string with_options(const std::string& method, const std::vector<std::pair<std::string, std::string>>& values);

}  // namespace ravine::detail

namespace ravine::compare {

/// For how many steps of an optimizer the budget is enough: what steps cost, not always the same, is seen on a
/// parabola.
Index steps_within(Index budget, const std::string& optimizer);
/// A method's schedule, empty if it has none, over as many steps as the budget is enough for. Throws as make_schedule.
optim::Schedule method_schedule(const std::string& method, Index budget);

}  // namespace ravine::compare
#pragma GCC visibility pop
