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

#include <optional>
#include <string>
#include <vector>

#include <ravine/core/callable.hpp>
#include <ravine/core/state_dict.hpp>
#include <ravine/optim/options.hpp>

namespace ravine::optim {

/// A learning-rate factor for the update after so many finished ones, 0 and up.
using Schedule = Callable<double(Index finished_steps)>;

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

struct CosineRestartsOptions {
  Index period = 0;           ///< steps until the first restart, > 0
  Index growth = 1;           ///< each period is so many times as long as the one before, >= 1
  double final_factor = 0.0;  ///< alpha_min / alpha, >= 0

  static void fields(auto&& field) {
    field("period", &CosineRestartsOptions::period, positive);
    field("growth", &CosineRestartsOptions::growth, at_least_one);
    field("final_factor", &CosineRestartsOptions::final_factor, non_negative);
  }
};

struct OneCycleOptions {
  Index total_steps = 0;       ///< T, > 0
  double rise = 0.3;           ///< the part of T that the rate rises, in (0, 1)
  double start_factor = 0.04;  ///< where it starts, >= 0
  double final_factor = 4e-6;  ///< and where it ends, >= 0

  static void fields(auto&& field) {
    field("total_steps", &OneCycleOptions::total_steps, positive);
    field("rise", &OneCycleOptions::rise, inside_one);
    field("start_factor", &OneCycleOptions::start_factor, non_negative);
    field("final_factor", &OneCycleOptions::final_factor, non_negative);
  }
};

/// What becomes of the height of cycles: nothing, half in each, or gamma^t.
enum class CyclicMode { triangular, triangular2, exp_range };

struct CyclicOptions {
  Index steps_up = 2000;              ///< steps from the lowest rate to the highest, > 0
  std::optional<Index> steps_down{};  ///< and back, > 0; none: as many
  double low_factor = 0.1;            ///< the lowest rate, in [0, 1]; the highest is alpha
  CyclicMode mode = CyclicMode::triangular;
  double gamma = 1.0;  ///< of exp_range, > 0

  static void fields(auto&& field) {
    field("steps_up", &CyclicOptions::steps_up, positive);
    field("steps_down", &CyclicOptions::steps_down, positive);
    field("low_factor", &CyclicOptions::low_factor, up_to_one);
    field("mode", &CyclicOptions::mode, {"triangular", "triangular2", "exp_range"});
    field("gamma", &CyclicOptions::gamma, positive);
  }
};

struct WSDOptions {
  Index total_steps = 0;      ///< T, > 0
  Index warmup_steps = 0;     ///< W, >= 0
  Index decay_steps = 0;      ///< D, >= 0
  double final_factor = 0.0;  ///< >= 0

  static void fields(auto&& field) {
    field("total_steps", &WSDOptions::total_steps, positive);
    field("warmup_steps", &WSDOptions::warmup_steps, non_negative);
    field("decay_steps", &WSDOptions::decay_steps, non_negative);
    field("final_factor", &WSDOptions::final_factor, non_negative);
  }
  const char* conflict() const {
    return warmup_steps + decay_steps > total_steps ? "warm-up and decay are longer than total_steps" : nullptr;
  }
};

struct PlateauOptions {
  double factor = 0.1;      ///< what the rate is multiplied by, in (0, 1)
  Index patience = 10;      ///< measurements without a better one that are let pass, >= 0
  double threshold = 1e-4;  ///< a better one is so much better, as a part of the best, >= 0
  double min_factor = 0.0;  ///< no lower than this, >= 0
  bool maximize = false;    ///< whether higher is better

  static void fields(auto&& field) {
    field("factor", &PlateauOptions::factor, inside_one);
    field("patience", &PlateauOptions::patience, non_negative);
    field("threshold", &PlateauOptions::threshold, non_negative);
    field("min_factor", &PlateauOptions::min_factor, non_negative);
    field("maximize", &PlateauOptions::maximize);
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
/// The same with restarts: half a cosine after another, each from 1 to just above final_factor.
Schedule cosine_restarts(CosineRestartsOptions options);
/// Along half a cosine from start_factor to 1 at t = rise T - 1, and along another to final_factor at T - 1, and no
/// further. Source: Smith & Topin, Super-convergence (2018), with cosines as PyTorch.
Schedule one_cycle(OneCycleOptions options);
/// Along straight lines from low_factor up to 1 and back, again and again; what is above low_factor is as `mode` says.
/// Source: Smith, Cyclical learning rates for training neural networks (2017).
Schedule cyclic(CyclicOptions options);
/// (t + 1) / W at first, then 1, and for the last D steps a straight line to final_factor at t = T, and no further.
/// Source: Hu et al., MiniCPM (2024).
Schedule wsd(WSDOptions options);
/// min((t + 1) / W, sqrt(W / (t + 1))), 1 at its peak: the paper's for alpha = 1 / sqrt(size of the model times W).
/// Throws unless warmup_steps = W > 0. Source: Vaswani et al., Attention is all you need (2017).
Schedule noam(Index warmup_steps);
/// From 1 to final_factor =: f at t = T, and no further: f + (1 - f)(1 - t / T)^power.
Schedule polynomial(PolynomialOptions options);
/// 1 / sqrt(t + 1). Not for AdaGrad, which has it built in.
Schedule inverse_sqrt();
/// 1 / (1 + decay t), decay >= 0.
Schedule inverse_time(double decay);
/// (t + 1) / steps for the first `steps` >= 0 updates, never 0; then `inner`, which counts from there.
Schedule warmup(Index steps, Schedule inner = constant());

/// A factor that falls when a metric no longer gets better: no function of t, but of what is measured.
///
///     Plateau plateau({.patience = 5});
///     for each epoch: optimizer.set_lr_factor(plateau.update(validation_loss));
///
/// Source: PyTorch's ReduceLROnPlateau.
class Plateau {
 public:
  explicit Plateau(PlateauOptions options = {});

  /// The factor after this measurement; NaN is no better one.
  double update(double metric);
  double factor() const { return factor_; }

  /// "factor", "best" and "waited". Loading throws std::invalid_argument, before anything changes, for anything else.
  StateDict state_dict() const;
  void load_state_dict(const StateDict& state);

 private:
  PlateauOptions options_;
  double factor_ = 1.0, best_;
  Index waited_ = 0;
};

/// A schedule from text: a name from above and its options, "step_decay:every=30,gamma=0.5", "cosine:total_steps=1000",
/// "multi_step:milestones=100-200,gamma=0.1", "exponential:gamma=0.99", "inverse_time:decay=0.01". A warm-up stands
/// around what follows it, "warmup(cosine):steps=500", or alone, "warmup:steps=500".
///   total_steps   what the text may leave out, if the steps are known: those of the schedule and its warm-up together
///   throws        std::invalid_argument for another name or option, with those there are, and as the schedule itself
Schedule make_schedule(const std::string& text, Index total_steps = 0);
/// The names that `make_schedule` knows, sorted.
std::vector<std::string> schedule_names();

}  // namespace ravine::optim
