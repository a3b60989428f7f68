#include <ravine/compare/run.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/compare/options.hpp>
#include <ravine/compare/seeds.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/optim/ema.hpp>
#include <ravine/optim/make.hpp>
#include <ravine/optim/schedule.hpp>

namespace ravine::compare {
namespace {

/// Far from all scoring seeds.
constexpr std::uint64_t first_tuning_seed = 1000001;

std::vector<std::uint64_t> count_from(std::uint64_t first, Index count) {
  std::vector<std::uint64_t> seeds;
  for (Index i = 0; i < count; ++i) seeds.push_back(first + static_cast<std::uint64_t>(i));
  return seeds;
}

void check_number(const char* what, Index value, Index low, Index high) {
  if (value < low || value > high)
    throw std::invalid_argument(detail::text("compare: ", what, " must be from ", low, " to ", high, ", got ", value));
}

}  // namespace

const char* name(Phase phase) {
  constexpr const char* names[] = {"tune", "defaults", "final"};
  return names[static_cast<std::size_t>(phase)];
}

const char* name(Status status) {
  constexpr const char* names[] = {"reached", "budget", "stopped", "diverged"};
  return names[static_cast<std::size_t>(status)];
}

void Protocol::check() const {
  check_number("trials", trials, 0, 100000);
  check_number("tune_seeds", tune_seeds, 1, 100000);
  check_number("seeds", seeds, 1, 10000);
  check_number("budget", budget, 1, 1000000000);
}

std::vector<std::uint64_t> Protocol::scoring_seeds() const { return count_from(1, seeds); }
std::vector<std::uint64_t> Protocol::tuning_seeds() const { return count_from(first_tuning_seed, tune_seeds); }

double Run::score() const { return status == Status::diverged ? std::numeric_limits<double>::infinity() : final_loss; }

std::array<double, target_count> targets(double minimum, double start_loss) {
  std::array<double, target_count> levels{};
  for (std::size_t k = 0; k < target_count; ++k) {
    const double decades = static_cast<double>(k) / 4.0;
    levels[k] = std::isinf(minimum) ? start_loss - std::pow(10.0, decades - 5.0)
                                    : minimum + std::pow(10.0, -1.0 - decades) * (start_loss - minimum);
  }
  return levels;
}

Index main_target(const Problem& problem) {
  if (!problem.minimum) return 21;
  return std::isinf(*problem.minimum) ? 20 : 12;
}

namespace {

using Clock = std::chrono::steady_clock;

constexpr double divergence = 1e6;       // times the start
constexpr double below_minimum = 1e-3;   // of the way from the start: this is no minimum's neighbourhood
constexpr Index path_steps = 2000;       // that are in a path, one by one
constexpr double curve_spacing = 1.059;  // 40 points to a decade

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

}  // namespace

Index steps_within(Index budget, const std::string& optimizer) {
  const Variable x = parameter(ones({1}, f64));
  const auto made = optim::make(optimizer, {x});
  const Index enough = std::min<Index>(budget, 1000);
  do {
    made->step([&] { return 0.5 * sum(square(x)); });
  } while (made->steps() < enough && made->evaluations() < enough && !made->stopped());
  const Index steps = made->steps(), cost = std::max<Index>(made->evaluations(), 1);
  return (budget * steps + cost - 1) / cost;
}

optim::Schedule method_schedule(const std::string& method, Index budget) {
  const auto [optimizer, schedule] = detail::method_parts(method);
  return schedule.empty() ? optim::Schedule() : optim::make_schedule(schedule, steps_within(budget, optimizer));
}

namespace {

Instance instance_of(const Problem& problem, std::uint64_t seed) {
  if (!problem.make) throw std::invalid_argument(detail::text("compare: ", problem.name, " has no make"));
  Instance instance = problem.make(seed);
  if (!instance.loss) throw std::invalid_argument(detail::text("compare: ", problem.name, " made no loss"));
  return instance;
}

/// A run on its way.
class Descent {
 public:
  Descent(const Problem& problem, const std::string& options, std::uint64_t seed, const RunSettings& settings)
      : problem_(problem), settings_(settings), instance_(instance_of(problem, seed)) {
    schedule_ = method_schedule(options, settings.budget);
    optimizer_ = optim::make(detail::method_parts(options).optimizer, instance_.parameters);
    ahead_.worthwhile = problem.landscape && !instance_.next_batch;
    run_.problem = problem.name;
    run_.seed = seed;
    run_.options = options;
    run_.evaluations_to_target.fill(Run::never);
  }

  std::optional<Run> operator()() {
    const auto start = Clock::now();
    look_at_start();
    while (!ended_ && run_.evaluations < settings_.budget) {
      step();
      look();
      if (settings_.stop && settings_.stop()) return std::nullopt;
    }
    run_.test_loss = test_loss();
    if (run_.steps > 0) add_point();
    run_.seconds = seconds_since(start);
    return std::move(run_);
  }

 private:
  /// While it lives, parameters have the values that the optimizer keeps to be judged by, if it does, and a look at a
  /// loss leaves no trace.
  struct Look {
    explicit Look(const optim::Optimizer& optimizer) : averages(optimizer), trace_free(default_generator()) {}
    optim::UseAverages averages;
    Reevaluation trace_free;
  };

  Variable loss() const {
    Variable here = instance_.loss();
    if (!here.defined())
      throw std::invalid_argument(detail::text("compare: the loss of ", problem_.name, " is an undefined Variable"));
    return here;
  }

  /// The loss that counts.
  double value() {
    const Look look(*optimizer_);
    if (instance_.value) return instance_.value();
    if (ahead_.worthwhile) return (ahead_ = look_ahead()).loss.item();
    const NoGrad no_grad;
    return loss().item();
  }

  /// The loss that was looked at last, with its graph, as it is the one that most methods begin their next step with.
  struct Ahead {
    bool worthwhile = false;  // for this method, on a landscape: nothing but the parameters decides over the loss
    Variable loss{};
    std::vector<std::pair<const std::byte*, std::uint64_t>> at{};  // where parameters were, and when written
    double seconds = 0.0;
  };

  Ahead look_ahead() const {
    const auto start = Clock::now();
    Ahead ahead{true, loss(), places()};
    ahead.seconds = seconds_since(start);
    return ahead;
  }

  std::vector<std::pair<const std::byte*, std::uint64_t>> places() const {
    std::vector<std::pair<const std::byte*, std::uint64_t>> all;
    for (const Variable& p : instance_.parameters) all.emplace_back(p.value().bytes(), p.value().written());
    return all;
  }

  Variable loss_of_step() {
    if (!ahead_.loss.defined()) return loss();
    Variable here = std::exchange(ahead_.loss, Variable());
    ahead_.worthwhile = ahead_.at == places();
    if (!ahead_.worthwhile) return loss();
    run_.step_seconds += ahead_.seconds;
    return here;
  }

  double test_loss() const {
    const Look look(*optimizer_);
    return instance_.test_loss ? instance_.test_loss() : Run::none;
  }

  void look_at_start() {
    run_.start_loss = run_.final_loss = run_.best_loss = value();
    if (problem_.minimum) targets_ = targets(*problem_.minimum, run_.start_loss);
    add_point();
    if (!std::isfinite(run_.start_loss)) diverge(text_of(run_.start_loss));
  }

  void step() {
    if (instance_.next_batch) instance_.next_batch();
    if (schedule_) optimizer_->set_lr_factor(schedule_(optimizer_->steps()));
    const auto start = Clock::now();
    optimizer_->step([&] { return loss_of_step(); });
    run_.step_seconds += seconds_since(start);
    ++run_.steps;
    if (optimizer_->evaluations() <= run_.evaluations)
      throw std::logic_error(detail::text("compare: ", run_.options, " took a step without Optimizer::evaluate"));
    run_.evaluations = optimizer_->evaluations();
  }

  void look() {
    const double loss = run_.final_loss = value();
    if (const char* reason = divergence_of(loss)) return diverge(reason);
    note_targets(loss);
    run_.best_loss = std::min(run_.best_loss, loss);
    if (run_.steps == next_point_) add_point();
    if (!ended_ && !instance_.next_batch && optimizer_->stopped()) end(Status::stopped, optimizer_->stopped());
  }

  static const char* text_of(double loss) { return std::isnan(loss) ? "the loss is NaN" : "the loss is infinite"; }

  /// Why a loss is none to go on from, or null.
  const char* divergence_of(double loss) const {
    if (!std::isfinite(loss)) return text_of(loss);
    const double start = std::abs(run_.start_loss);
    if (loss > divergence * (start > 0.0 ? start : 1.0)) return "the loss is above 1e6 times the start";
    if (problem_.minimum && loss < *problem_.minimum - below_minimum * (run_.start_loss - *problem_.minimum))
      return "the loss is below the minimum, outside of the domain";
    return nullptr;
  }

  void note_targets(double loss) {
    if (!problem_.minimum) {
      if (run_.improvements.empty() || loss < run_.improvements.back().loss)
        run_.improvements.push_back({run_.evaluations, loss});
      return;
    }
    for (; reached_ < target_count && loss <= targets_[reached_]; ++reached_)
      run_.evaluations_to_target[reached_] = run_.evaluations;
    if (reached_ == target_count) end(Status::reached, "");
  }

  void end(Status status, const char* reason) {
    run_.status = status;
    run_.reason = reason;
    ended_ = true;
  }

  void diverge(const char* reason) {
    run_.diverged_at = run_.steps;
    end(Status::diverged, reason);
  }

  bool has_plane() const {
    Index elements = 0;
    for (const Variable& p : instance_.parameters) elements += p.numel();
    return elements == 2;
  }

  std::pair<double, double> place() const {
    const Look look(*optimizer_);
    std::vector<double> at;
    for (const Variable& p : instance_.parameters)
      for (const double x : p.value().to(f64).to_vector<double>()) at.push_back(x);
    return {at[0], at[1]};
  }

  /// Where the run is, once.
  void add_point() {
    if (!settings_.curve || (!run_.curve.empty() && run_.curve.back().step == run_.steps)) return;
    CurvePoint point{run_.steps, run_.evaluations, run_.final_loss};
    point.test_loss = test_loss();
    const bool path = settings_.path && has_plane();
    if (path) std::tie(point.x, point.y) = place();
    run_.curve.push_back(point);
    next_point_ =
        path && run_.steps < path_steps
            ? run_.steps + 1
            : std::max(run_.steps + 1, static_cast<Index>(std::ceil(static_cast<double>(run_.steps) * curve_spacing)));
  }

  const Problem& problem_;
  const RunSettings& settings_;
  Instance instance_;
  optim::Schedule schedule_;
  std::unique_ptr<optim::Optimizer> optimizer_;
  Run run_;
  Ahead ahead_;
  std::array<double, target_count> targets_{};
  std::size_t reached_ = 0;  // targets
  Index next_point_ = 0;     // the step
  bool ended_ = false;
};

}  // namespace

std::optional<Run> run_once(const Problem& problem, const std::string& options, std::uint64_t seed,
                            const RunSettings& settings) {
  const detail::FlushSubnormals flush;
  const detail::OwnRandomNumbers own(detail::stream(seed, detail::Stream::of_problem));
  Descent descent(problem, options, seed, settings);
  default_generator() = detail::stream(seed, detail::Stream::method);
  return descent();
}

}  // namespace ravine::compare
