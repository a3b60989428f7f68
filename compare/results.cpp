#include <ravine/compare/results.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <tuple>

#include <ravine/core/text.hpp>

namespace ravine::compare {
namespace {

using detail::text;
using Runs = std::span<const Run>;

constexpr double infinity = std::numeric_limits<double>::infinity();

template <class Named>
std::size_t place_of(const std::vector<Named>& all, const std::string& name, const char* what) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const Named& one) { return one.name == name; });
  if (found == all.end()) throw std::invalid_argument(text("Results: no ", what, " of the comparison is ", name));
  return static_cast<std::size_t>(found - all.begin());
}

double cost(const Run& run, std::size_t target) {
  const Index evaluations = run.evaluations_to_target[target];
  return evaluations == Run::never ? infinity : static_cast<double>(evaluations);
}

/// f of each run.
template <class F>
std::vector<double> each(Runs runs, F f) {
  std::vector<double> values;
  for (const Run& run : runs) values.push_back(f(run));
  return values;
}

std::vector<double> costs(Runs runs, const Targets& targets) {
  return each(runs, [&](const Run& run) { return cost(run, static_cast<std::size_t>(targets.main)); });
}

double fraction_reached(const std::vector<double>& costs) {
  const auto reached = std::count_if(costs.begin(), costs.end(), [](double x) { return std::isfinite(x); });
  return static_cast<double>(reached) / static_cast<double>(costs.size());
}

/// A run that has no test loss though others have one has diverged.
Quartiles test_losses(Runs runs) {
  auto losses = each(runs, [](const Run& run) { return run.test_loss; });
  const auto missing = [](double x) { return std::isnan(x); };
  if (std::all_of(losses.begin(), losses.end(), missing)) return {Run::none, Run::none, Run::none};
  std::replace_if(losses.begin(), losses.end(), missing, infinity);
  return quartiles(losses);
}

/// As a word of a shell's command.
std::string quoted(const std::string& word) {
  constexpr const char* plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string result = "'";
  for (const char c : word) result += c == '\'' ? "'\\''" : std::string(1, c);
  return result + "'";
}

std::string command(const Run& run, const Protocol& protocol) {
  return text("ravine compare --problems ", quoted(run.problem), " --optimizers ", quoted(run.options),
              " --trials 0 --seeds ", protocol.seeds, " --budget ", protocol.budget);
}

/// Target k is G (B / G)^((k + 1) / 29), from just below the guess G to the lowest loss B of all runs, exactly; a B
/// above G, or below G / 10^12, counts as that. A G that is not above 0 has no logarithm: G + (B - G) (k + 1) / 29.
/// NaN, which no run reaches, if G is not finite.
std::array<double, target_count> between(double guess, double lowest) {
  std::array<double, target_count> losses{};
  if (!std::isfinite(guess)) lowest = guess = Run::none;
  const bool positive = guess > 0.0;
  lowest = std::clamp(lowest, positive ? 1e-12 * guess : -infinity, guess);
  for (std::size_t k = 0; k + 1 < target_count; ++k) {
    const double part = static_cast<double>(k + 1) / static_cast<double>(target_count);
    losses[k] = positive ? guess * std::pow(lowest / guess, part) : guess + (lowest - guess) * part;
  }
  losses.back() = lowest;
  return losses;
}

/// The run has reached a loss of `target` after so many evaluations.
Index evaluations_to(const Run& run, double target) {
  if (run.start_loss <= target) return 0;
  for (const Improvement& better : run.improvements)
    if (better.loss <= target) return better.evaluations;
  return Run::never;
}

void measure(Run& run, const Targets& targets) {
  std::transform(targets.values.begin(), targets.values.end(), run.evaluations_to_target.begin(),
                 [&](double target) { return evaluations_to(run, target); });
  if (run.status == Status::budget && run.evaluations_to_target.back() != Run::never) run.status = Status::reached;
}

/// The targets of a problem, of which these are all runs.
Targets targets_of(const Problem& problem, std::span<Run> runs, const Protocol& protocol) {
  const Index main = main_target(problem);
  if (problem.minimum && std::isfinite(*problem.minimum)) return {targets(0.0, 1.0), main, Targets::fractions};
  if (problem.minimum) {
    auto falls = targets(-infinity, 0.0);
    for (double& fall : falls) fall = -fall;
    return {falls, main, Targets::falls};
  }
  Targets result{{}, main, Targets::losses, problem.guess};
  double lowest = infinity;
  for (const Run& run : runs) {
    if (!std::isnan(run.best_loss)) lowest = std::min(lowest, run.best_loss);
    if (std::isnan(result.guess) && run.seed == protocol.scoring_seeds()[0]) result.guess = run.start_loss;
  }
  const auto given = protocol.targets.find(problem.name);
  result.values = given == protocol.targets.end() ? between(result.guess, lowest) : given->second;
  for (Run& run : runs) measure(run, result);
  return result;
}

/// By trial, from the winner to the last: the fraction of all targets that its runs reach.
std::vector<double> ranked_scores(Runs tuning) {
  struct Trial {
    double loss, score;
  };
  std::vector<Trial> trials;
  for (std::size_t first = 0, last = 0; first < tuning.size(); first = last) {
    while (last < tuning.size() && tuning[last].trial == tuning[first].trial) ++last;
    const Runs runs = tuning.subspan(first, last - first);
    double reached = 0.0;
    for (const Run& run : runs)
      for (std::size_t k = 0; k < target_count; ++k) reached += std::isfinite(cost(run, k));
    trials.push_back({median(each(runs, [](const Run& run) { return run.score(); })),
                      reached / static_cast<double>(runs.size() * target_count)});
  }
  std::stable_sort(trials.begin(), trials.end(), [](const Trial& a, const Trial& b) { return a.loss < b.loss; });
  std::vector<double> scores;
  for (const Trial& trial : trials) scores.push_back(trial.score);
  return scores;
}

}  // namespace

Results::Results(std::vector<Problem> problems, std::vector<Method> methods, Protocol protocol, std::vector<Run> runs)
    : problems_(std::move(problems)),
      methods_(std::move(methods)),
      protocol_(std::move(protocol)),
      runs_(std::move(runs)) {
  const auto key = [&](const Run& run) {
    return std::tuple(place(run.problem), place_of(methods_, run.method, "method"), run.phase, run.trial, run.seed);
  };
  std::sort(runs_.begin(), runs_.end(), [&](const Run& a, const Run& b) { return key(a) < key(b); });
  set_targets();
  const MedianBootstrap bootstrap(protocol_.seeds);
  for (const Problem& problem : problems_)
    for (const Method& method : methods_)
      for (const Phase phase : {Phase::final, Phase::defaults})
        if (const Runs mine = this->runs(problem.name, method.name, phase);
            static_cast<Index>(mine.size()) == protocol_.seeds)
          table_.push_back(row(mine, bootstrap));
}

std::size_t Results::place(const std::string& problem) const { return place_of(problems_, problem, "problem"); }

void Results::set_targets() {
  for (std::size_t first = 0, p = 0; p < problems_.size(); ++p) {
    std::size_t last = first;
    while (last < runs_.size() && runs_[last].problem == problems_[p].name) ++last;
    targets_.push_back(targets_of(problems_[p], std::span(runs_).subspan(first, last - first), protocol_));
    first = last;
  }
}

Row Results::row(Runs runs, const MedianBootstrap& bootstrap) const {
  const Run& one = runs[0];
  const Targets& aims = targets(one.problem);
  const auto evaluations = costs(runs, aims);
  const Interval interval = bootstrap(evaluations);
  return {.problem = one.problem,
          .method = one.method,
          .phase = one.phase,
          .target = aims.main,
          .median_evaluations = median(evaluations),
          .low = interval.low,
          .high = interval.high,
          .reached = fraction_reached(evaluations),
          .final_loss = quartiles(each(runs, [](const Run& run) { return run.score(); })),
          .test_loss = test_losses(runs),
          .options = one.options,
          .command = command(one, protocol_)};
}

Runs Results::runs(const std::string& problem, const std::string& method, Phase phase) const {
  const auto key = std::tuple(place(problem), place_of(methods_, method, "method"), phase);
  const auto of = [&](const Run& run) {
    return std::tuple(place(run.problem), place_of(methods_, run.method, "method"), run.phase);
  };
  const auto first = std::partition_point(runs_.begin(), runs_.end(), [&](const Run& run) { return of(run) < key; });
  const auto last = std::partition_point(first, runs_.end(), [&](const Run& run) { return of(run) == key; });
  return {first, last};
}

bool Results::complete() const {
  Index expected = 0;
  for (const Method& method : methods_) {
    expected += protocol_.seeds;
    if (protocol_.trials > 0) expected += protocol_.seeds;
    if (!method.space.empty()) expected += protocol_.trials * protocol_.tune_seeds;
  }
  return static_cast<Index>(runs_.size()) == expected * static_cast<Index>(problems_.size());
}

const Targets& Results::targets(const std::string& problem) const { return targets_[place(problem)]; }

std::vector<Step> Results::ecdf(const std::string& method, Phase phase) const {
  std::vector<double> all;
  for (const Problem& problem : problems_)
    for (const Run& run : runs(problem.name, method, phase))
      for (std::size_t k = 0; k < target_count; ++k) all.push_back(cost(run, k));
  return compare::ecdf(std::move(all));
}

std::vector<Step> Results::profile(const std::string& method, Phase phase) const {
  std::vector<std::vector<double>> medians(methods_.size());
  for (std::size_t m = 0; m < methods_.size(); ++m)
    for (const Problem& problem : problems_) {
      const Runs mine = runs(problem.name, methods_[m].name, phase);
      medians[m].push_back(mine.empty() ? infinity : median(costs(mine, targets(problem.name))));
    }
  return compare::ecdf(ratios_to_best(std::move(medians))[place_of(methods_, method, "method")], 8.0);
}

std::vector<double> Results::score_by_trials(const std::string& method) const {
  std::vector<double> sum;
  for (const Problem& problem : problems_) {
    const auto expected = expected_best(ranked_scores(runs(problem.name, method, Phase::tune)));
    sum.resize(std::max(sum.size(), expected.size()));
    for (std::size_t k = 0; k < expected.size(); ++k) sum[k] += expected[k] / static_cast<double>(problems_.size());
  }
  return sum;
}

}  // namespace ravine::compare
