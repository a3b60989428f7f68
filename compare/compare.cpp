#include <ravine/compare/compare.hpp>

#include <atomic>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

#include <ravine/compare/journal.hpp>
#include <ravine/compare/options.hpp>
#include <ravine/compare/parallel.hpp>
#include <ravine/compare/saved.hpp>
#include <ravine/core/text.hpp>
#include <ravine/train/stop_signals.hpp>

namespace ravine::compare {
namespace {

/// A run to be made.
struct Task {
  const Problem* problem;
  const Method* method;
  Phase phase;
  Index trial;
  std::uint64_t seed;
  std::string options;
};

std::string key(const std::string& problem, const std::string& method, Phase phase, Index trial, std::uint64_t seed,
                const std::string& options) {
  return detail::text(problem, '\n', method, '\n', name(phase), '\n', trial, '\n', seed, '\n', options);
}
std::string key(const Task& t) { return key(t.problem->name, t.method->name, t.phase, t.trial, t.seed, t.options); }
std::string key(const Run& r) { return key(r.problem, r.method, r.phase, r.trial, r.seed, r.options); }

template <class Named>
void check_names(const char* what, const std::vector<Named>& all) {
  if (all.empty()) throw std::invalid_argument(detail::text("run: no ", what, " to compare"));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].name.empty()) throw std::invalid_argument(detail::text("run: ", what, " number ", i, " has no name"));
    for (std::size_t j = 0; j < i; ++j)
      if (all[i].name == all[j].name)
        throw std::invalid_argument(detail::text("run: the ", what, " '", all[i].name, "' is given twice"));
  }
}

void check_minima(const std::vector<Problem>& problems) {
  for (const Problem& problem : problems)
    if (problem.minimum && !(*problem.minimum < std::numeric_limits<double>::infinity()))
      throw std::invalid_argument(
          detail::text("run: the minimum of ", problem.name, " must be a number or -infinity, got ", *problem.minimum));
}

/// A schedule's parts may be longer than the budget.
void check_schedules(const std::vector<Method>& methods, Index budget) {
  for (const Method& method : methods) try {
      method_schedule(method.options, budget);
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(
          detail::text("compare: ", method.name, " with a budget of ", budget, ": ", error.what()));
    }
}

bool is_tuned(const Method& method, const Protocol& protocol) { return protocol.trials > 0 && !method.space.empty(); }

/// Makes runs and keeps them.
class Runner {
 public:
  Runner(const Protocol& protocol, const Execution& execution, Journal* journal, Index total)
      : protocol_(protocol), execution_(execution), journal_(journal), total_(total) {
    if (!journal) return;
    for (const Run& run : journal->finished()) finished_.emplace(key(run), &run);
  }

  /// On several threads; throws what the first of the tasks that failed has thrown. False if a signal came.
  bool operator()(const std::vector<Task>& tasks) {
    std::vector<const Task*> left;
    for (const Task& task : tasks) {
      const auto found = finished_.find(key(task));
      found != finished_.end() ? keep(*found->second) : left.push_back(&task);
    }
    if (left.empty()) {
      show();
      return !stopped();
    }
    detail::run_tasks(left.size(), [&](std::size_t k) {
      if (failed_ || stopped()) return;
      try {
        make(*left[k]);
      } catch (...) {
        failed_ = true;
        throw;
      }
    });
    return !stopped();
  }

  /// The run of a task that was made.
  const Run& of(const Task& task) const { return runs_.at(key(task)); }
  void keep(const Run& run) { runs_[key(run)] = run; }
  std::vector<Run> take_runs() {
    std::vector<Run> all;
    for (auto& [k, run] : runs_) all.push_back(std::move(run));
    return all;
  }

 private:
  bool stopped() const { return execution_.stop_on_signals && train::StopSignals::received(); }

  void make(const Task& task) {
    const bool scores = task.phase != Phase::tune;
    RunSettings settings{protocol_.budget, scores, scores && task.seed == protocol_.scoring_seeds()[0], {}};
    settings.stop = [this] { return failed_ || stopped(); };
    std::optional<Run> run;
    try {
      run = run_once(*task.problem, task.options, task.seed, settings);
    } catch (const std::exception& error) {
      std::throw_with_nested(std::runtime_error(
          detail::text("compare: ", task.problem->name, ", ", task.options, ", seed ", task.seed, ": ", error.what())));
    }
    if (!run) return;
    run->method = task.method->name;
    run->phase = task.phase;
    run->trial = task.trial;
    const std::lock_guard lock(mutex_);
    if (journal_) journal_->add(*run);
    keep(*run);
    show();
  }

  void show() const {
    if (execution_.progress) execution_.progress(static_cast<Index>(runs_.size()), total_);
  }

  const Protocol& protocol_;
  const Execution& execution_;
  Journal* journal_;
  Index total_;
  std::map<std::string, const Run*> finished_;
  std::map<std::string, Run> runs_;
  std::mutex mutex_;  // of the journal, progress and runs
  std::atomic<bool> failed_{false};
};

/// All runs of a method on a problem that do not depend on others.
void add_first_tasks(std::vector<Task>& tasks, const Problem& problem, const Method& method, const Protocol& protocol) {
  if (is_tuned(method, protocol))
    for (Index trial = 0; trial < protocol.trials; ++trial)
      for (const std::uint64_t seed : protocol.tuning_seeds())
        tasks.push_back({&problem, &method, Phase::tune, trial, seed, trial_options(method, trial)});
  for (const std::uint64_t seed : protocol.scoring_seeds())
    tasks.push_back({&problem, &method, Phase::defaults, -1, seed, method.options});
}

/// The trial with the lowest median final loss, of equals the earliest.
Index winner(const Runner& runner, const Problem& problem, const Method& method, const Protocol& protocol) {
  Index best = 0;
  double best_loss = 0.0;
  for (Index trial = 0; trial < protocol.trials; ++trial) {
    std::vector<double> losses;
    for (const std::uint64_t seed : protocol.tuning_seeds())
      losses.push_back(runner.of({&problem, &method, Phase::tune, trial, seed, trial_options(method, trial)}).score());
    const double loss = median(losses);
    if (trial == 0 || loss < best_loss) {
      best = trial;
      best_loss = loss;
    }
  }
  return best;
}

/// The runs that count: of the winner; what was not tuned has run, as the defaults.
void add_final_tasks(std::vector<Task>& tasks, Runner& runner, const Problem& problem, const Method& method,
                     const Protocol& protocol) {
  const bool tuned = is_tuned(method, protocol);
  const Index trial = tuned ? winner(runner, problem, method, protocol) : -1;
  for (const std::uint64_t seed : protocol.scoring_seeds()) {
    if (tuned) {
      tasks.push_back({&problem, &method, Phase::final, trial, seed, trial_options(method, trial)});
      continue;
    }
    Run same = runner.of({&problem, &method, Phase::defaults, -1, seed, method.options});
    same.phase = Phase::final;
    runner.keep(same);
  }
}

Index count_runs(const std::vector<Problem>& problems, const std::vector<Method>& methods, const Protocol& protocol) {
  Index count = 0;
  for (const Method& method : methods)
    count += (protocol.trials > 0 ? 2 : 1) * protocol.seeds +
             (is_tuned(method, protocol) ? protocol.trials * protocol.tune_seeds : 0);
  return count * static_cast<Index>(problems.size());
}

/// What an earlier run of the same comparison has left in the folder, with the page if that is missing or old.
Results saved(const std::vector<Problem>& problems, const std::vector<Method>& methods, const Protocol& protocol,
              const Execution& execution) {
  Results results = read_saved(execution.folder, problems, methods, protocol);
  const auto count = static_cast<Index>(results.runs().size());
  if (execution.progress) execution.progress(count, count);
  if (execution.page) page(results).save(execution.folder + "/report.html");
  return results;
}

}  // namespace

Results run(const std::vector<Problem>& problems, const std::vector<Method>& methods, const Protocol& protocol,
            const Execution& execution) {
  check_names("problem", problems);
  check_names("optimizer", methods);
  check_minima(problems);
  protocol.check();
  check_schedules(methods, protocol.budget);
  if (!execution.folder.empty() && is_saved(execution.folder)) return saved(problems, methods, protocol, execution);
  std::optional<Journal> journal;
  if (!execution.folder.empty()) journal.emplace(execution.folder, problems, methods, protocol);
  std::optional<train::StopSignals> signals;
  if (execution.stop_on_signals) signals.emplace();

  Runner runner(protocol, execution, journal ? &*journal : nullptr, count_runs(problems, methods, protocol));
  std::vector<Task> tasks;
  for (const Problem& problem : problems)
    for (const Method& method : methods) add_first_tasks(tasks, problem, method, protocol);
  if (runner(tasks) && protocol.trials > 0) {
    tasks.clear();
    for (const Problem& problem : problems)
      for (const Method& method : methods) add_final_tasks(tasks, runner, problem, method, protocol);
    runner(tasks);
  }
  signals.reset();  // now they end the program: all runs are kept
  Results results(problems, methods, protocol, runner.take_runs());
  if (journal && results.complete()) results.save(execution.folder, execution.page);
  return results;
}

}  // namespace ravine::compare
