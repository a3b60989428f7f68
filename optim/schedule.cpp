#include <ravine/optim/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/call.hpp>

namespace ravine::optim {
namespace {

void check(const char* schedule, const char* what, double value, const Range& range) {
  detail::visit_option(schedule, {what, {value}, &range, {}, false}, [](const auto& field) { return field.value; });
}

template <class Options>
void check(const char* schedule, const Options& options) {
  detail::visit_options(schedule, options, [](const auto& field) { return field.value; });
}

/// From `from` to `to` along half a cosine, for x from 0 to 1.
double half_cosine(double from, double to, double x) {
  return to + (from - to) * 0.5 * (1.0 + std::cos(std::numbers::pi * x));
}

/// How much of the steps is still to come: from 1 to 0, and no further.
double remaining(Index t, Index total) {
  return 1.0 - static_cast<double>(std::min(t, total)) / static_cast<double>(total);
}

/// length times growth, or the most there can be.
Index longer(Index length, Index growth) {
  constexpr Index most = std::numeric_limits<Index>::max();
  return length > most / growth ? most : length * growth;
}

}  // namespace

Schedule constant() {
  return [](Index) { return 1.0; };
}

Schedule step_decay(StepDecayOptions options) {
  check("step_decay", options);
  return [options](Index t) { return std::pow(options.gamma, static_cast<double>(t / options.every)); };
}

Schedule multi_step(MultiStepOptions options) {
  check("multi_step", options);
  std::sort(options.milestones.begin(), options.milestones.end());
  return [options = std::move(options)](Index t) {
    const auto first = options.milestones.begin();
    const auto passed = std::upper_bound(first, options.milestones.end(), t) - first;
    return std::pow(options.gamma, static_cast<double>(passed));
  };
}

Schedule exponential(double gamma) {
  check("exponential", "gamma", gamma, positive);
  return [gamma](Index t) { return std::pow(gamma, static_cast<double>(t)); };
}

Schedule cosine(CosineOptions options) {
  check("cosine", options);
  return [options](Index t) { return half_cosine(1.0, options.final_factor, 1.0 - remaining(t, options.total_steps)); };
}

Schedule cosine_restarts(CosineRestartsOptions options) {
  check("cosine_restarts", options);
  return [options](Index t) {
    Index length = options.period;
    if (options.growth == 1) t %= length;
    for (; t >= length; length = longer(length, options.growth)) t -= length;
    return half_cosine(1.0, options.final_factor, static_cast<double>(t) / static_cast<double>(length));
  };
}

Schedule one_cycle(OneCycleOptions options) {
  check("one_cycle", options);
  return [options](Index step) {
    const double last = static_cast<double>(options.total_steps) - 1.0, t = std::min(static_cast<double>(step), last);
    const double peak = std::max(0.0, options.rise * static_cast<double>(options.total_steps) - 1.0);
    if (t < peak) return half_cosine(options.start_factor, 1.0, t / peak);
    return last > peak ? half_cosine(1.0, options.final_factor, (t - peak) / (last - peak)) : 1.0;
  };
}

Schedule cyclic(CyclicOptions options) {
  check("cyclic", options);
  return [options](Index t) {
    const Index up = options.steps_up, down = options.steps_down.value_or(up), cycle = t / (up + down);
    const Index at = t % (up + down);
    double height = at <= up ? static_cast<double>(at) / static_cast<double>(up)
                             : static_cast<double>(up + down - at) / static_cast<double>(down);
    if (options.mode == CyclicMode::triangular2) height *= std::pow(0.5, static_cast<double>(cycle));
    if (options.mode == CyclicMode::exp_range) height *= std::pow(options.gamma, static_cast<double>(t));
    return options.low_factor + (1.0 - options.low_factor) * height;
  };
}

Schedule wsd(WSDOptions options) {
  check("wsd", options);
  return [options](Index t) {
    if (t < options.warmup_steps) return static_cast<double>(t + 1) / static_cast<double>(options.warmup_steps);
    const Index left = std::max<Index>(0, options.total_steps - t);
    if (left >= options.decay_steps) return 1.0;
    const double part = static_cast<double>(left) / static_cast<double>(options.decay_steps);
    return options.final_factor + (1.0 - options.final_factor) * part;
  };
}

Schedule noam(Index warmup_steps) {
  check("noam", "warmup_steps", static_cast<double>(warmup_steps), positive);
  return [W = static_cast<double>(warmup_steps)](Index t) {
    const double n = static_cast<double>(t) + 1.0;
    return std::min(n / W, std::sqrt(W / n));
  };
}

Plateau::Plateau(PlateauOptions options)
    : options_(options), best_((options.maximize ? -1.0 : 1.0) * std::numeric_limits<double>::infinity()) {
  check("Plateau", options);
}

double Plateau::update(double metric) {
  const double enough = std::isinf(best_) ? 0.0 : options_.threshold * std::abs(best_);
  const bool better = options_.maximize ? metric > best_ + enough : metric < best_ - enough;
  if (better) best_ = metric;
  waited_ = better ? 0 : waited_ + 1;
  if (waited_ > options_.patience) {
    factor_ = std::max(options_.min_factor, factor_ * options_.factor);
    waited_ = 0;
  }
  return factor_;
}

StateDict Plateau::state_dict() const {
  return {{"factor", scalar(factor_, f64)}, {"best", scalar(best_, f64)}, {"waited", scalar(waited_, i64)}};
}

void Plateau::load_state_dict(const StateDict& state) {
  check_state_dict("Plateau", state_dict(), state);
  check("Plateau", "factor", state.at("factor").item(), non_negative);
  check("Plateau", "waited", state.at("waited").item(), non_negative);
  factor_ = state.at("factor").item();
  best_ = state.at("best").item();
  waited_ = state.at("waited").item<Index>();
}

Schedule polynomial(PolynomialOptions options) {
  check("polynomial", options);
  return [options](Index t) {
    const double fraction = std::pow(remaining(t, options.total_steps), options.power);
    return options.final_factor + (1.0 - options.final_factor) * fraction;
  };
}

Schedule inverse_sqrt() {
  return [](Index t) { return 1.0 / std::sqrt(static_cast<double>(t) + 1.0); };
}

Schedule inverse_time(double decay) {
  check("inverse_time", "decay", decay, non_negative);
  return [decay](Index t) { return 1.0 / (1.0 + decay * static_cast<double>(t)); };
}

Schedule warmup(Index steps, Schedule inner) {
  check("warmup", "steps", static_cast<double>(steps), non_negative);
  if (!inner) throw std::invalid_argument("warmup: the inner schedule is empty");
  return [steps, inner = std::move(inner)](Index t) {
    return t < steps ? static_cast<double>(t + 1) / static_cast<double>(steps) : inner(t - steps);
  };
}

namespace {

using detail::Call;

// Of an option that a text must give.
constexpr double missing = std::numeric_limits<double>::quiet_NaN();

struct ExponentialOptions {
  double gamma = missing;
  static void fields(auto&& field) { field("gamma", &ExponentialOptions::gamma, positive); }
};

struct InverseTimeOptions {
  double decay = missing;
  static void fields(auto&& field) { field("decay", &InverseTimeOptions::decay, non_negative); }
};

struct WarmupOptions {
  Index steps = 0;
  static void fields(auto&& field) { field("steps", &WarmupOptions::steps, positive); }
};

Schedule make_warmup(const Call& call, Index total) {
  const Index steps = detail::given_options(call, WarmupOptions()).steps;
  return warmup(steps, call.inner ? make_schedule(*call.inner, std::max<Index>(total - steps, 0)) : constant());
}

struct NoamOptions {
  Index warmup_steps = 0;
  static void fields(auto&& field) { field("warmup_steps", &NoamOptions::warmup_steps, positive); }
};

struct Without {
  static void fields(auto&& /*field*/) {}
};

struct Maker {
  const char* name;
  Schedule (*make)(const Call& call, Index total_steps);
};

constexpr Maker makers[] = {
    {"constant", [](const Call& call, Index) { return detail::given_options(call, Without()), constant(); }},
    {"cosine", [](const Call& call,
                  Index total) { return cosine(detail::given_options(call, CosineOptions{.total_steps = total})); }},
    {"cosine_restarts",
     [](const Call& call, Index) { return cosine_restarts(detail::given_options(call, CosineRestartsOptions())); }},
    {"cyclic", [](const Call& call, Index) { return cyclic(detail::given_options(call, CyclicOptions())); }},
    {"exponential",
     [](const Call& call, Index) { return exponential(detail::given_options(call, ExponentialOptions()).gamma); }},
    {"inverse_sqrt", [](const Call& call, Index) { return detail::given_options(call, Without()), inverse_sqrt(); }},
    {"inverse_time",
     [](const Call& call, Index) { return inverse_time(detail::given_options(call, InverseTimeOptions()).decay); }},
    {"multi_step", [](const Call& call, Index) { return multi_step(detail::given_options(call, MultiStepOptions())); }},
    {"noam", [](const Call& call, Index) { return noam(detail::given_options(call, NoamOptions()).warmup_steps); }},
    {"one_cycle",
     [](const Call& call, Index total) {
       return one_cycle(detail::given_options(call, OneCycleOptions{.total_steps = total}));
     }},
    {"polynomial",
     [](const Call& call, Index total) {
       return polynomial(detail::given_options(call, PolynomialOptions{.total_steps = total}));
     }},
    {"step_decay", [](const Call& call, Index) { return step_decay(detail::given_options(call, StepDecayOptions())); }},
    {"warmup", make_warmup},
    {"wsd",
     [](const Call& call, Index total) { return wsd(detail::given_options(call, WSDOptions{.total_steps = total})); }},
};

}  // namespace

std::vector<std::string> schedule_names() {
  std::vector<std::string> names;
  for (const Maker& maker : makers) names.emplace_back(maker.name);
  return names;
}

Schedule make_schedule(const std::string& text, Index total_steps) {
  const Call call = detail::parse_call("make_schedule", text);
  for (const auto& [name, make] : makers) {
    if (call.name != name) continue;
    if (call.inner && make != make_warmup)
      throw std::invalid_argument(detail::text("make_schedule: nothing goes into ", name, ", got '", text, "'"));
    return make(call, total_steps);
  }
  throw std::invalid_argument(
      detail::text("make_schedule: no schedule '", call.name, "', there are: ", detail::join(schedule_names())));
}

}  // namespace ravine::optim
