/// @file
/// What a comparison says, and its files.
#pragma once

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <ravine/compare/run.hpp>
#include <ravine/compare/statistics.hpp>

namespace ravine::compare {

/// What runs of a problem are measured by: number 0, 1, …, 28, each harder than the one before.
struct Targets {
  std::array<double, target_count> values;
  Index main;  ///< the number of the one in the table
  /// What the values are: parts of the way to the minimum that may be left, falls of the loss, or losses.
  enum Kind { fractions, falls, losses } kind;
  double guess = Run::none;  ///< of losses: G, the loss from which they lead to the lowest of all runs
};

/// What a method reached on a problem: the runs of one phase. A failure counts as infinity.
struct Row {
  std::string problem, method;
  Phase phase;
  Index target;               ///< the number of the main target, to which evaluations are counted
  double median_evaluations;  ///< infinity: half of the runs did not reach it
  double low, high;           ///< the median's bootstrap 95 % interval
  double reached;             ///< fraction of the runs
  Quartiles final_loss;
  Quartiles test_loss;  ///< NaN where there is none
  std::string options;  ///< the method as it ran
  std::string command;  ///< of a shell: it runs the row alone, and prints its final losses
};

/// The runs of a comparison and what is made of them.
class Results {
 public:
  /// Completes what a run cannot know alone: which targets it reached where the minimum is not known, and so its
  /// status. Throws std::invalid_argument for a run of another problem or method.
  Results(std::vector<Problem> problems, std::vector<Method> methods, Protocol protocol, std::vector<Run> runs);

  const std::vector<Problem>& problems() const { return problems_; }
  const std::vector<Method>& methods() const { return methods_; }
  const Protocol& protocol() const { return protocol_; }

  /// By problem and method in the order in which these were given, then by phase, trial and seed.
  const std::vector<Run>& runs() const { return runs_; }
  /// Those of a method on a problem in one phase; throws std::invalid_argument for a name that is none of them.
  std::span<const Run> runs(const std::string& problem, const std::string& method, Phase phase) const;
  /// False if the comparison was interrupted.
  bool complete() const;

  /// Throws std::invalid_argument for a name that is none of the problems.
  const Targets& targets(const std::string& problem) const;
  /// A row for each problem, method and phase but tune.
  const std::vector<Row>& table() const { return table_; }

  /// Of all (problem, target, seed) the fraction that a method reached with so many evaluations.
  std::vector<Step> ecdf(const std::string& method, Phase phase) const;
  /// Of all problems the fraction on which the method's median evaluations to the main target are at most so many times
  /// those of the best method of the phase, up to 8 times.
  std::vector<Step> profile(const std::string& method, Phase phase) const;
  /// The score if only k = 1, 2, … of the trials had been made: of all targets the fraction that the winner's tuning
  /// runs reach, expected over which k they are, and averaged over the problems. Empty if nothing was tuned.
  std::vector<double> score_by_trials(const std::string& method) const;

  /// Writes runs.csv, curves.csv, results.json and timings.csv, which docs/comparing.md describes, with the page
  /// report.html as well, and removes what an interrupted comparison has left there; the folder is made if need be. The
  /// first three are the same bytes on any number of threads. Throws FileError for what cannot be written,
  /// std::logic_error unless complete.
  void save(const std::string& folder, bool with_page = true) const;

 private:
  std::size_t place(const std::string& problem) const;
  void set_targets();
  Row row(std::span<const Run> runs, const MedianBootstrap& bootstrap) const;

  std::vector<Problem> problems_;
  std::vector<Method> methods_;
  Protocol protocol_;
  std::vector<Run> runs_;
  std::vector<Targets> targets_;  // of each problem
  std::vector<Row> table_;
};

/// The targets of problems without a known minimum from the results.json of an earlier comparison, for `Protocol`.
/// Throws FileError if it cannot be read, data::FormatError if it is no such file.
std::map<std::string, std::array<double, target_count>> read_targets(const std::string& file);

}  // namespace ravine::compare
