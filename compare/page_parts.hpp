/// @file
/// The parts of a comparison's page; for the library's sources, not its public headers.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <ravine/compare/results.hpp>
#include <ravine/report/page.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// "1 seed", "20 seeds".
std::string counted(Index n, const char* what);
/// What a page shows of a comparison: its winners, or the defaults if nothing was tuned.
compare::Phase scored(const compare::Results& results);
double median_of(std::span<const compare::Run> runs, const std::function<double(const compare::Run&)>& value);
/// Seconds of one step.
double step_seconds(const compare::Run& run);

/// One problem with its landscape, curves and the final loss against the rate.
report::Page::Problem problem_figures(const compare::Results& results, const compare::Problem& problem);

/// The loss on planes, with the paths of all methods from the first scoring seed, each run once more to see where it
/// goes: the plane in which the paths lie best (their principal components); around the end of the best one, for more
/// than two parameters, two random directions and the Hessian's leading eigenvectors. A plane that is not to be had is
/// left out, and all are if every run diverged.
std::vector<report::Page::Landscape> network_planes(const compare::Results& results, const compare::Problem& problem,
                                                    compare::Phase phase);

}  // namespace ravine::detail
#pragma GCC visibility pop
