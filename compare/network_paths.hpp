/// @file
/// Networks' losses along two directions with the paths of the methods; for the library's sources, not its public
/// headers.
#pragma once

#include <vector>

#include <ravine/compare/results.hpp>
#include <ravine/report/page.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The plane in which the paths of all methods from the first scoring seed lie best (their principal components), with
/// the paths, each run once more to see where it goes. None for fewer than two parameters, or if no run gets anywhere.
std::vector<report::Page::Landscape> network_planes(const compare::Results& results, const compare::Problem& problem,
                                                    compare::Phase phase);

}  // namespace ravine::detail
#pragma GCC visibility pop
