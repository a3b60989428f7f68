/// @file
/// AdEMAMix.
#pragma once

#include <optional>

#include <ravine/core/math.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct AdEMAMixOptions {
  double lr = 1e-3;                ///< step size α, > 0
  double beta1 = 0.9;              ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;            ///< decay of the mean of their squares, in [0, 1)
  double beta3 = 0.9999;           ///< decay of the slow mean of gradients, in [0, 1)
  double alpha = 5.0;              ///< weight of the slow mean, >= 0
  double eps = 1e-8;               ///< ε, >= 0
  double weight_decay = 0.0;       ///< λ, >= 0, decoupled: subtracts α λ θ
  std::optional<double> warmup{};  ///< steps T until β3 and alpha have their values, > 0; none: at once

  static void fields(auto&& field) {
    field("lr", &AdEMAMixOptions::lr, positive);
    field("beta1", &AdEMAMixOptions::beta1, below_one);
    field("beta2", &AdEMAMixOptions::beta2, below_one);
    field("beta3", &AdEMAMixOptions::beta3, below_one);
    field("alpha", &AdEMAMixOptions::alpha, non_negative);
    field("eps", &AdEMAMixOptions::eps, non_negative);
    field("weight_decay", &AdEMAMixOptions::weight_decay, non_negative);
    field("warmup", &AdEMAMixOptions::warmup, positive);
  }
};

/// AdamW with a second, slow mean of gradients, in update t = 1, 2, …, with m̂ and v̂ as Adam's:
///
///     s ← β3_t s + (1 - β3_t) g        θ ← θ - α ((m̂ + a_t s) / (√v̂ + ε) + λ θ)
///
/// where without warm-up a_t = alpha and β3_t = β3, and with one of T steps and f = t / T
///
///     a_t = min(f, 1) alpha        β3_t = min(exp(ln β1 ln β3 / ((1 - f) ln β3 + f ln β1)), β3)
///
/// s is not corrected, so that it starts near 0. The slots are "m", "slow" and "v"; those whose β is 0 are not kept.
///
/// Source: Pagliardini, Ablin & Grangier, The AdEMAMix optimizer (2024).
class AdEMAMix final : public Elementwise<AdEMAMix, AdEMAMixOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AdEMAMix";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "slow", "v"};
  static bool uses(const AdEMAMixOptions& o, std::size_t slot) {
    return (slot == 0 ? o.beta1 : slot == 1 ? o.beta3 : o.beta2) > 0.0;
  }

  struct Rule {
    double beta1, beta2, beta3, of_mean, of_slow, decay;
    detail::AdamStep step;
    Rule(const AdEMAMixOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          beta3(o.beta3),
          of_mean(1.0 / (1.0 - math::pow(o.beta1, static_cast<double>(t)))),
          of_slow(o.alpha),
          decay(lr * o.weight_decay),
          step(lr, 0.0, o.beta2, t, o.eps, false, true) {
      const double f = o.warmup ? static_cast<double>(t) / *o.warmup : 1.0;
      if (f >= 1.0) return;
      of_slow *= f;
      beta3 = math::fmin(warming(o, f), o.beta3);
    }
    static double warming(const AdEMAMixOptions& o, double f) {
      if (o.beta3 == 0.0) return 0.0;
      if (o.beta1 == 0.0) return math::pow(o.beta3, 1.0 / f);  // the limit
      const double fast = math::log(o.beta1), slow = math::log(o.beta3);
      return math::exp(fast * slow / ((1.0 - f) * slow + f * fast));
    }

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& slow, T& v) const {
      m = T(beta1) * m + T(1.0 - beta1) * g;
      slow = T(beta3) * slow + T(1.0 - beta3) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      theta -= step(T(of_mean) * m + T(of_slow) * slow, v) + T(decay) * theta;
    }
  };
};

}  // namespace ravine::optim
