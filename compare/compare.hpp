/// @file
/// Comparing methods on problems.
///
///     auto results = compare::run({compare::problem("beale"), mine}, {compare::method("adam"),
///     compare::method("sgd")},
///                                 {.trials = 8, .seeds = 5});
///     results.save("out");
#pragma once

#include <string>
#include <vector>

#include <ravine/compare/method.hpp>
#include <ravine/compare/page.hpp>
#include <ravine/compare/problem.hpp>
#include <ravine/compare/results.hpp>
#include <ravine/compare/run.hpp>
#include <ravine/compare/statistics.hpp>
#include <ravine/core/callable.hpp>

namespace ravine::compare {

/// What does not change a result.
struct Execution {
  Callable<void(Index done, Index total)> progress{};  ///< of runs; called by one thread at a time
  bool stop_on_signals = false;  ///< after a SIGINT, SIGTERM or SIGHUP the runs that are finished are the results
  /// A folder, made if need be, that keeps each run as soon as it has finished, so that whoever is interrupted or
  /// killed goes on from there to the same bits. Processes that are given one folder at once, on any machines that see
  /// it, share the runs out; what one that ends had in hand, others make. In the end it has the files of Results::save,
  /// from which the same comparison is read when it is run again.
  std::string folder{};
  bool page = true;  ///< report.html is one of them
};

/// Tunes each method on each problem, runs the winners and the defaults on other seeds, shared out over the threads.
/// Throws std::invalid_argument for no problem, no method, one without a name, two of one name, a minimum, a search
/// range or a protocol that cannot be, a schedule that is longer than its budget, and a folder of another comparison,
/// naming what differs: problems, their data, methods, search spaces or the protocol; FileError for what cannot be read
/// or written, data::FormatError for a file that is no comparison's, is damaged or was changed. If a run throws,
/// std::runtime_error that says which one, with what it threw nested in it.
Results run(const std::vector<Problem>& problems, const std::vector<Method>& methods, const Protocol& protocol = {},
            const Execution& execution = {});

/// Whether some process is at a comparison in a folder just now, so that it can be joined.
bool is_under_way(const std::string& folder);

}  // namespace ravine::compare
