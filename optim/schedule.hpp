/// @file
/// Learning-rate schedules: functions of the number t of finished steps that give the factor alpha_t / alpha.
///
///     const Schedule schedule = warmup(500, cosine({.total_steps = 10000}));
///     optimizer.set_lr_factor(schedule(optimizer.steps()));  // before each step
///
/// A schedule keeps nothing between calls, so a run that goes on from a checkpoint is in step; t counts updates, not
/// epochs. Any function of t is one. Each of these throws std::invalid_argument, naming itself, for a value out of its
/// range.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <ravine/optim/options.hpp>

namespace ravine::optim {

/// A learning-rate factor for the update after so many finished ones, 0 and up.
using Schedule = std::function<double(Index finished_steps)>;

struct StepDecayOptions {
  Index every = 0;     ///< steps between two decays, > 0
  double gamma = 0.1;  ///< > 0

  static void fields(auto&& field) {
    field("every", &StepDecayOptions::every, positive);
    field("gamma", &StepDecayOptions::gamma, positive);
  }
};

struct MultiStepOptions {
  std::vector<Index> milestones{};  ///< when the rate changes, each >= 0, in any order
  double gamma = 0.1;               ///< > 0

  static void fields(auto&& field) {
    field("milestones", &MultiStepOptions::milestones, non_negative);
    field("gamma", &MultiStepOptions::gamma, positive);
  }
};

struct CosineOptions {
  Index total_steps = 0;      ///< T, > 0
  double final_factor = 0.0;  ///< alpha_min / alpha, >= 0

  static void fields(auto&& field) {
    field("total_steps", &CosineOptions::total_steps, positive);
    field("final_factor", &CosineOptions::final_factor, non_negative);
  }
};

struct PolynomialOptions {
  Index total_steps = 0;      ///< T, > 0
  double power = 1.0;         ///< > 0; 1 is a straight line
  double final_factor = 0.0;  ///< alpha_min / alpha, >= 0

  static void fields(auto&& field) {
    field("total_steps", &PolynomialOptions::total_steps, positive);
    field("power", &PolynomialOptions::power, positive);
    field("final_factor", &PolynomialOptions::final_factor, non_negative);
  }
};

/// 1.
Schedule constant();
/// gamma^floor(t / every).
Schedule step_decay(StepDecayOptions options);
/// gamma to the number of milestones <= t.
Schedule multi_step(MultiStepOptions options);
/// gamma^t, gamma > 0.
Schedule exponential(double gamma);
/// From 1 along half a cosine to final_factor =: f at t = T, and no further: f + (1 - f)(1 + cos(pi t / T)) / 2.
/// Source: Loshchilov & Hutter (2017), without restarts.
Schedule cosine(CosineOptions options);
/// From 1 to final_factor =: f at t = T, and no further: f + (1 - f)(1 - t / T)^power.
Schedule polynomial(PolynomialOptions options);
/// 1 / sqrt(t + 1). Not for AdaGrad, which has it built in.
Schedule inverse_sqrt();
/// 1 / (1 + decay t), decay >= 0.
Schedule inverse_time(double decay);
/// (t + 1) / steps for the first `steps` >= 0 updates, never 0; then `inner`, which counts from there.
Schedule warmup(Index steps, Schedule inner = constant());

/// A schedule from text: a name from above and its options, "step_decay:every=30,gamma=0.5", "cosine:total_steps=1000",
/// "multi_step:milestones=100-200,gamma=0.1", "exponential:gamma=0.99", "inverse_time:decay=0.01". A warm-up stands
/// around what follows it, "warmup(cosine):steps=500", or alone, "warmup:steps=500".
///   total_steps   what the text may leave out, if the steps are known: those of the schedule and its warm-up together
///   throws        std::invalid_argument for another name or option, with those there are, and as the schedule itself
Schedule make_schedule(const std::string& text, Index total_steps = 0);
/// The names that `make_schedule` knows, sorted.
std::vector<std::string> schedule_names();

}  // namespace ravine::optim
