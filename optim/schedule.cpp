#include <ravine/optim/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

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

/// How much of the steps is still to come: from 1 to 0, and no further.
double remaining(Index t, Index total) {
  return 1.0 - static_cast<double>(std::min(t, total)) / static_cast<double>(total);
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
  return [options](Index t) {
    const double angle = std::numbers::pi * (1.0 - remaining(t, options.total_steps));
    return options.final_factor + (1.0 - options.final_factor) * 0.5 * (1.0 + std::cos(angle));
  };
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
    {"exponential",
     [](const Call& call, Index) { return exponential(detail::given_options(call, ExponentialOptions()).gamma); }},
    {"inverse_sqrt", [](const Call& call, Index) { return detail::given_options(call, Without()), inverse_sqrt(); }},
    {"inverse_time",
     [](const Call& call, Index) { return inverse_time(detail::given_options(call, InverseTimeOptions()).decay); }},
    {"multi_step", [](const Call& call, Index) { return multi_step(detail::given_options(call, MultiStepOptions())); }},
    {"polynomial",
     [](const Call& call, Index total) {
       return polynomial(detail::given_options(call, PolynomialOptions{.total_steps = total}));
     }},
    {"step_decay", [](const Call& call, Index) { return step_decay(detail::given_options(call, StepDecayOptions())); }},
    {"warmup", make_warmup},
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
