/// @file
/// AdaBound.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct AdaBoundOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double final_lr = 0.1;      ///< the rate f that bounds tend to, > 0
  double gamma = 1e-3;        ///< how fast they do, γ > 0
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0
  WeightDecay decay = WeightDecay::times_lr;
  bool amsgrad = false;  ///< the largest v so far in place of v

  static void fields(auto&& field) {
    field("lr", &AdaBoundOptions::lr, positive);
    field("beta1", &AdaBoundOptions::beta1, below_one);
    field("beta2", &AdaBoundOptions::beta2, below_one);
    field("final_lr", &AdaBoundOptions::final_lr, positive);
    field("gamma", &AdaBoundOptions::gamma, positive);
    field("eps", &AdaBoundOptions::eps, non_negative);
    field("weight_decay", &AdaBoundOptions::weight_decay, non_negative);
    field("decay", &AdaBoundOptions::decay, {"l2", "times_lr"});
    field("amsgrad", &AdaBoundOptions::amsgrad);
  }
};

/// Adam whose rate for each element is kept within bounds that close in on one rate, in update t = 1, 2, …, with f =
/// final_lr times the schedule's factor, and m and v as Adam's:
///
///     η = α √(1 - β2^t) / (1 - β1^t) / (√v + ε), within f (1 - 1 / (γ t + 1)) and f (1 + 1 / (γ t))        θ ← θ - η m
///
/// The bounds are of the rate, not of the step; m is not corrected. Where m is 0, θ stays. The slots are "m", "v" and
/// "max", the largest v, kept with amsgrad only; m and v are not kept where their β is 0.
///
/// Source: Luo et al., Adaptive gradient methods with dynamic bound of learning rate (2019), which divides by √t as
/// well and corrects nothing; this form is that of its code.
class AdaBound final : public Elementwise<AdaBound, AdaBoundOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AdaBound";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v", "max"};
  static bool uses(const AdaBoundOptions& o, std::size_t slot) {
    return slot == 2 ? o.amsgrad : (slot == 0 ? o.beta1 : o.beta2) > 0.0;
  }

  struct Rule {
    double beta1, beta2, eps, rate, low, high;
    bool amsgrad;
    detail::DecayFactors decay;
    Rule(const AdaBoundOptions& o, double lr, Index t)
        : beta1(o.beta1), beta2(o.beta2), eps(o.eps), amsgrad(o.amsgrad), decay(o.weight_decay, o.decay, lr) {
      const double n = static_cast<double>(t), final_lr = o.final_lr * lr / o.lr;
      rate = lr * math::sqrt(1.0 - math::pow(o.beta2, n)) / (1.0 - math::pow(o.beta1, n));
      low = final_lr * (1.0 - 1.0 / (o.gamma * n + 1.0));
      high = final_lr * (1.0 + 1.0 / (o.gamma * n));
    }

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v, T& max) const {
      g += T(decay.coupled) * theta;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      max = detail::larger(max, v);
      const T free = T(rate) / (math::sqrt(amsgrad ? max : v) + T(eps));
      const T eta = free < T(low) ? T(low) : free > T(high) ? T(high) : free;
      theta -= (m == T(0) ? T(0) : eta * m) + T(decay.decoupled) * theta;
    }
  };
};

}  // namespace ravine::optim
