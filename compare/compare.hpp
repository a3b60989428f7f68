/// @file
/// Comparing methods on problems.
///
///     auto results = compare::run({compare::problem("beale"), mine}, {compare::method("adam"),
///     compare::method("sgd")},
///                                 {.trials = 8, .seeds = 5});
///     results.save("out");
#pragma once

#include <functional>
#include <vector>

#include <ravine/compare/journal.hpp>
#include <ravine/compare/method.hpp>
#include <ravine/compare/page.hpp>
#include <ravine/compare/problem.hpp>
#include <ravine/compare/results.hpp>
#include <ravine/compare/run.hpp>
#include <ravine/compare/statistics.hpp>

namespace ravine::compare {

/// What does not change a result.
struct Execution {
  std::function<void(Index done, Index total)> progress{};  ///< of runs; called by one thread at a time
  bool stop_on_signals = false;  ///< after a SIGINT or SIGTERM the runs that are finished are the results
  Journal* journal = nullptr;    ///< what it has found is not run again, and what finishes is added to it
};

/// Tunes each method on each problem, runs the winners and the defaults on other seeds, shared out over the threads.
/// Throws std::invalid_argument for no problem, no method, two of one name, a minimum and a protocol that cannot be;
/// what a problem's functions throw.
Results run(const std::vector<Problem>& problems, const std::vector<Method>& methods, const Protocol& protocol = {},
            const Execution& execution = {});

}  // namespace ravine::compare
