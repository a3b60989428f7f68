#include <ravine/optim/schedule.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/optim/options.hpp>

namespace ravine::optim {
namespace {

void check(const char* schedule, const char* what, double value, const Range& range) {
  detail::visit_option(schedule, {what, value, &range, {}, false}, [=](const auto&) { return value; });
}

void check(const char* schedule, const char* what, Index value, const Range& range) {
  check(schedule, what, static_cast<double>(value), range);
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
  check("step_decay", "every", options.every, positive);
  check("step_decay", "gamma", options.gamma, positive);
  return [options](Index t) { return std::pow(options.gamma, static_cast<double>(t / options.every)); };
}

Schedule multi_step(MultiStepOptions options) {
  for (const Index milestone : options.milestones) check("multi_step", "milestone", milestone, non_negative);
  check("multi_step", "gamma", options.gamma, positive);
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
  check("cosine", "total_steps", options.total_steps, positive);
  check("cosine", "final_factor", options.final_factor, non_negative);
  return [options](Index t) {
    const double angle = std::numbers::pi * (1.0 - remaining(t, options.total_steps));
    return options.final_factor + (1.0 - options.final_factor) * 0.5 * (1.0 + std::cos(angle));
  };
}

Schedule polynomial(PolynomialOptions options) {
  check("polynomial", "total_steps", options.total_steps, positive);
  check("polynomial", "power", options.power, positive);
  check("polynomial", "final_factor", options.final_factor, non_negative);
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
  check("warmup", "steps", steps, non_negative);
  if (!inner) throw std::invalid_argument("warmup: the inner schedule is empty");
  return [steps, inner = std::move(inner)](Index t) {
    return t < steps ? static_cast<double>(t + 1) / static_cast<double>(steps) : inner(t - steps);
  };
}

}  // namespace ravine::optim
