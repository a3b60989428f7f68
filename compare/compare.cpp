#include <ravine/compare/compare.hpp>

#include <atomic>
#include <chrono>
#include <exception>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <thread>
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
      : protocol_(protocol), execution_(execution), journal_(journal), total_(total) {}

  /// On several threads, while other processes make others; throws what the first of the tasks that failed has thrown.
  /// False if a signal came.
  bool operator()(const std::vector<Task>& tasks) {
    for (const Task& task : tasks) asked_.insert(key(task));
    for (std::vector<std::size_t> left; !(left = missing(tasks)).empty() && !stopped();) {
      made_ = false;
      detail::run_tasks(left.size(), [&](std::size_t k) {
        if (failed_ || stopped()) return;
        try {
          if (claim(tasks[left[k]], left[k])) make(tasks[left[k]], left[k]);
        } catch (...) {
          failed_ = true;
          throw;
        }
      });
      if (!made_) std::this_thread::sleep_for(wait_for_others);
    }
    return !stopped();
  }

  /// The run of a task that was made.
  const Run& of(const Task& task) const { return runs_.at(key(task)); }
  void keep(const Run& run) {
    asked_.insert(key(run));
    runs_.emplace(key(run), run);
  }
  std::vector<Run> take_runs() {
    std::vector<Run> all;
    for (auto& [k, run] : runs_)
      if (asked_.contains(k)) all.push_back(std::move(run));
    return all;
  }

 private:
  bool stopped() const { return execution_.stop_on_signals && train::StopSignals::received(); }

  /// Takes what others have made.
  void look() {
    if (journal_)
      for (const Run& run : journal_->finished()) runs_.emplace(key(run), run);
  }

  void show() {
    const Index done = static_cast<Index>(runs_.size());
    if (execution_.progress && done > std::exchange(shown_, done)) execution_.progress(done, total_);
  }

  /// The numbers of the tasks that nobody has made.
  std::vector<std::size_t> missing(const std::vector<Task>& tasks) {
    look();
    std::vector<std::size_t> numbers;
    for (std::size_t i = 0; i < tasks.size(); ++i)
      if (!runs_.contains(key(tasks[i]))) numbers.push_back(i);
    if (numbers.empty()) show();
    return numbers;
  }

  /// Whether a task is to be made here: nobody else has, or is about to.
  bool claim(const Task& task, std::size_t number) {
    if (!journal_) return true;
    const std::lock_guard lock(mutex_);
    if (runs_.contains(key(task)) || !journal_->claim(number)) return false;
    look();
    if (!runs_.contains(key(task))) return true;
    journal_->release(number);
    return false;
  }

  void make(const Task& task, std::size_t number) {
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
    if (journal_) {
      journal_->add(*run);
      journal_->release(number);
    }
    keep(*run);
    made_ = true;
    look();
    show();
  }

  static constexpr std::chrono::milliseconds wait_for_others{20};

  const Protocol& protocol_;
  const Execution& execution_;
  Journal* journal_;
  Index total_, shown_ = 0;
  std::map<std::string, Run> runs_;
  std::set<std::string> asked_;  // of them: an older journal may have others as well
  std::mutex mutex_;             // of the journal, progress and runs
  std::atomic<bool> failed_{false}, made_{false};
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

/// What an earlier run of the same comparison has left in the folder, whose page is made anew.
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
  std::optional<Journal> journal;
  if (!execution.folder.empty()) {
    if (!is_saved(execution.folder)) journal.emplace(execution.folder, problems, methods, protocol);
    if (!journal || journal->is_over()) return saved(problems, methods, protocol, execution);
  }
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
  if (journal && results.complete() && journal->is_last()) results.save(execution.folder, execution.page);
  return results;
}

}  // namespace ravine::compare
