/// @file
/// Optimizers that need no schedule: Schedule-Free SGD and AdamW.
#pragma once

#include <vector>

#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct ScheduleFreeSGDOptions {
  double lr = 1.0;            ///< step size α, > 0
  double momentum = 0.9;      ///< share β of x in y, in (0, 1)
  double weight_decay = 0.0;  ///< λ, >= 0: subtracts α λ y from z
  Index warmup_steps = 0;     ///< steps until the rate is α, >= 0
  double r = 0.0;             ///< a later step weighs t^r, >= 0
  double weight_power = 2.0;  ///< and the largest rate so far to this power, p >= 0

  static void fields(auto&& field) {
    field("lr", &ScheduleFreeSGDOptions::lr, positive);
    field("momentum", &ScheduleFreeSGDOptions::momentum, inside_one);
    field("weight_decay", &ScheduleFreeSGDOptions::weight_decay, non_negative);
    field("warmup_steps", &ScheduleFreeSGDOptions::warmup_steps, non_negative);
    field("r", &ScheduleFreeSGDOptions::r, non_negative);
    field("weight_power", &ScheduleFreeSGDOptions::weight_power, non_negative);
  }
};

struct ScheduleFreeAdamWOptions {
  double lr = 0.0025;         ///< step size α, > 0
  double beta1 = 0.9;         ///< share β of x in y, in (0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0: subtracts α λ y from z
  Index warmup_steps = 0;     ///< steps until the rate is α, >= 0
  double r = 0.0;             ///< a later step weighs t^r, >= 0
  double weight_power = 2.0;  ///< and the largest rate so far to this power, p >= 0

  static void fields(auto&& field) {
    field("lr", &ScheduleFreeAdamWOptions::lr, positive);
    field("beta1", &ScheduleFreeAdamWOptions::beta1, inside_one);
    field("beta2", &ScheduleFreeAdamWOptions::beta2, below_one);
    field("eps", &ScheduleFreeAdamWOptions::eps, non_negative);
    field("weight_decay", &ScheduleFreeAdamWOptions::weight_decay, non_negative);
    field("warmup_steps", &ScheduleFreeAdamWOptions::warmup_steps, non_negative);
    field("r", &ScheduleFreeAdamWOptions::r, non_negative);
    field("weight_power", &ScheduleFreeAdamWOptions::weight_power, non_negative);
  }
};

}  // namespace ravine::optim

namespace ravine::detail {

/// What both forms share: the weights of z in x.
template <class Derived, class Options>
class ScheduleFree : public optim::Elementwise<Derived, Options> {
 public:
  explicit ScheduleFree(std::vector<Variable> params, Options options = {});
  explicit ScheduleFree(const std::vector<optim::ParamGroup<Options>>& groups);

  /// x.
  std::vector<Tensor> averages() const override;

 private:
  void add_sums();
  void update() override;
};

}  // namespace ravine::detail

namespace ravine::optim {

/// Gradient descent that needs no schedule: gradients are taken at y, which the parameters hold, steps are those of z,
/// and x is the mean of z that is to be evaluated (see UseAverages). In update t = 1, 2, …, from x = y = z = θ₀,
///
///     α_t = α min(1, t / warmup_steps)        w = t^r (largest α so far)^p        W ← W + w        c = w / W
///     z ← z - α_t (g + λ y)        x ← (1 - c) x + c z        y ← (1 - β) z + β x
///
/// A schedule's factor enters α_t and w. Batch statistics are those of y. The slot is "z"; x follows from z and y.
/// For each group "weights" has W and "rates" the largest rate.
///
/// Source: Defazio et al., The road less scheduled (2024).
class ScheduleFreeSGD final : public detail::ScheduleFree<ScheduleFreeSGD, ScheduleFreeSGDOptions> {
 public:
  using ScheduleFree::ScheduleFree;
  static constexpr const char* name = "ScheduleFreeSGD";
  static constexpr const char* key = "schedule_free_sgd";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"z"};
  static bool starts_at_parameter(std::size_t slot) { return slot == 0; }
  static double beta(const ScheduleFreeSGDOptions& o) { return o.momentum; }

  struct Rule {
    double rate, beta, share, decay;
    /// c: the share of the new z in x.
    Rule(const ScheduleFreeSGDOptions& o, double lr, Index /*t*/, double c = 1.0)
        : rate(lr), beta(o.momentum), share(c), decay(o.weight_decay) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& y, T g, T& z) const {
      const T x = y - T(1.0 - beta) * z;  // times β
      z -= T(rate) * (g + T(decay) * y);
      y = T(1.0 - beta + beta * share) * z + T(1.0 - share) * x;
    }
  };
};

/// AdamW that needs no schedule: as ScheduleFreeSGD, with v̂ as Adam's and no mean of gradients; in update t = 1, 2, …,
///
///     α_t = α min(1, t / warmup_steps)        w = t^r (largest α so far)^p        W ← W + w        c = w / W
///     z ← z - α_t (g / (√v̂ + ε) + λ y)        x ← (1 - c) x + c z        y ← (1 - β) z + β x
///
/// The slots are "z" and "v", which is not kept for β2 = 0; x, "weights" and "rates" are as there.
///
/// Source: Defazio et al., The road less scheduled (2024).
class ScheduleFreeAdamW final : public detail::ScheduleFree<ScheduleFreeAdamW, ScheduleFreeAdamWOptions> {
 public:
  using ScheduleFree::ScheduleFree;
  static constexpr const char* name = "ScheduleFreeAdamW";
  static constexpr const char* key = "schedule_free_adamw";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"z", "v"};
  static bool uses(const ScheduleFreeAdamWOptions& o, std::size_t slot) { return slot == 0 || o.beta2 > 0.0; }
  static bool starts_at_parameter(std::size_t slot) { return slot == 0; }
  static double beta(const ScheduleFreeAdamWOptions& o) { return o.beta1; }

  struct Rule {
    double rate, beta, share, decay;
    double beta2;
    detail::AdamStep step;
    /// c: the share of the new z in x.
    Rule(const ScheduleFreeAdamWOptions& o, double lr, Index t, double c = 1.0)
        : rate(lr),
          beta(o.beta1),
          share(c),
          decay(o.weight_decay),
          beta2(o.beta2),
          step(lr, 0.0, o.beta2, t, o.eps, false, true) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& y, T g, T& z, T& v) const {
      const T x = y - T(1.0 - beta) * z;  // times β
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      z -= step(g, v) + T(rate) * T(decay) * y;
      y = T(1.0 - beta + beta * share) * z + T(1.0 - share) * x;
    }
  };
};

}  // namespace ravine::optim
