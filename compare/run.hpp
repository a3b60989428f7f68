/// @file
/// One run, and the protocol that says which runs there are.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ravine/compare/method.hpp>
#include <ravine/compare/problem.hpp>
#include <ravine/core/callable.hpp>

namespace ravine::compare {

inline constexpr std::size_t target_count = 29;

/// How methods are compared; see docs/comparing.md.
struct Protocol {
  Index trials = 16;     ///< points of its search space that each method may try on a problem; 0: no tuning
  Index tune_seeds = 3;  ///< runs of each trial, whose median final loss decides
  Index seeds = 20;      ///< runs that count: of the winner, and of the defaults
  Index budget = 2000;   ///< gradient evaluations of a run: it ends with the step that uses them up
  /// For problems whose minimum is not known the losses to be reached, by name: those of an earlier comparison.
  std::map<std::string, std::array<double, target_count>> targets{};

  /// Throws std::invalid_argument for a number that cannot be.
  void check() const;
  /// 1, …, seeds.
  std::vector<std::uint64_t> scoring_seeds() const;
  /// None of those.
  std::vector<std::uint64_t> tuning_seeds() const;
};

enum class Phase { tune, defaults, final };
/// reached: the last target; stopped: the method says that it has converged.
enum class Status { reached, budget, stopped, diverged };
const char* name(Phase phase);
const char* name(Status status);

/// The loss has never been so low, after so many evaluations.
struct Improvement {
  Index evaluations;
  double loss;
};

/// A point of a run's curve. What is not known is NaN.
struct CurvePoint {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();
  Index step = 0, evaluations = 0;
  double loss = none, test_loss = none;
  double x = none, y = none;  ///< the parameters, of the first scoring seed on a problem with two of them
};

/// What a run was and how it ended.
struct Run {
  static constexpr Index never = -1;
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  std::string problem, method;  ///< as they were typed
  Phase phase = Phase::final;
  Index trial = -1;  ///< the trial, the winner's if final; -1: none
  std::uint64_t seed = 0;
  std::string options;  ///< the method's text with everything that was tuned: "adam:lr=0.01+cosine"
  Status status = Status::budget;
  Index steps = 0, evaluations = 0;
  double start_loss = none, final_loss = none, best_loss = none, test_loss = none;  ///< test_loss: at the end
  Index diverged_at = never;                                                        ///< the step
  std::string reason;                                                               ///< if it diverged or stopped
  /// For each target the evaluations until a loss that low; filled in by Results where `improvements` are needed.
  std::array<Index, target_count> evaluations_to_target{};
  /// All, in order, for a problem whose minimum is not known; so its targets can be found when all runs are done.
  std::vector<Improvement> improvements{};
  /// From step 0 to the last, not of tuning: so many that a logarithmic axis looks smooth, at most 400; every one up to
  /// 2000 where x and y are there.
  std::vector<CurvePoint> curve{};
  double seconds = 0.0, step_seconds = 0.0;  ///< of all of it, and of its steps

  /// What decides over trials: the final loss, infinite if the run diverged.
  double score() const;
};

/// The losses that count as targets for a start, where the minimum is known or -infinity: number k = 0, …, 28 is, four
/// to a decade, (f - minimum) / (start - minimum) from 1e-1 to 1e-8, or a fall start - f from 1e-5 to 1e2.
std::array<double, target_count> targets(double minimum, double start_loss);
/// The number of the main target: 12 (1e-4), 20 (a fall of 1), or 21 where the minimum is not known.
Index main_target(const Problem& problem);

/// How a run is made.
struct RunSettings {
  Index budget = 2000;
  bool curve = false;  ///< keep its curve
  bool path = false;   ///< with x and y, of a problem with two parameters
  /// Looked at after each step; once it is true, the run is given up.
  Callable<bool()> stop{};
};

/// A run of its own, the same bits on any thread and in any order: its numbers depend on the problem, the options (a
/// method's text), the seed and the budget only. Phase and trial are the caller's to fill in; none if it was given up.
/// Throws what the problem's functions throw, and as optim::make.
std::optional<Run> run_once(const Problem& problem, const std::string& options, std::uint64_t seed,
                            const RunSettings& settings);

}  // namespace ravine::compare
