/// @file
/// Sophia.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/adahessian.hpp>

namespace ravine::optim {

struct SophiaOptions {
  double lr = 1e-3;              ///< step size α, > 0
  double beta1 = 0.965;          ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.99;           ///< decay of the mean of curvatures, in [0, 1)
  double gamma = 0.01;           ///< γ, > 0: a larger one makes longer steps rarer
  double eps = 1e-12;            ///< ε, >= 0: the least denominator
  double clip = 1.0;             ///< the largest quotient, > 0
  Index interval = 10;           ///< updates between two looks at the curvature, > 0
  double weight_decay = 0.0;     ///< λ, >= 0, decoupled: subtracts α λ θ
  bool bias_correction = false;  ///< divide out that m starts at 0
  bool stale = false;            ///< look at the curvature after a step, not before it
  HessianDiagonal diagonal{};    ///< in place of Hutchinson's estimate

  static void fields(auto&& field) {
    field("lr", &SophiaOptions::lr, positive);
    field("beta1", &SophiaOptions::beta1, below_one);
    field("beta2", &SophiaOptions::beta2, below_one);
    field("gamma", &SophiaOptions::gamma, positive);
    field("eps", &SophiaOptions::eps, non_negative);
    field("clip", &SophiaOptions::clip, positive);
    field("interval", &SophiaOptions::interval, positive);
    field("weight_decay", &SophiaOptions::weight_decay, non_negative);
    field("bias_correction", &SophiaOptions::bias_correction);
    field("stale", &SophiaOptions::stale);
  }
};

/// Momentum scaled by the curvature of the loss and clipped, in update t = 1, 2, …, with D the diagonal of the Hessian:
///
///     m ← β1 m + (1 - β1) g        every interval updates, from the first one, h ← β2 h + (1 - β2) D
///     θ ← θ - α (m / max(γ h, ε), within ± clip) - α λ θ
///
/// With bias_correction m̂ = m / (1 - β1^t) in place of m; with stale h is brought up to date after the step. Where h is
/// negative or small, the step is ± α clip; where m is 0, θ stays. h is not corrected, so the first updates are
/// clipped.
///
/// Needs a closure; g and D are those of one evaluation. Gradient callbacks change g, not D. The callable `diagonal` is
/// not part of the state. The slots are "m" and "h"; m is not kept for β1 = 0.
///
/// Source: Liu et al., Sophia: A scalable stochastic second-order optimizer (2023), Sophia-H; stale and corrected as
/// optax.
class Sophia final : public Elementwise<Sophia, SophiaOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Sophia";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "h"};
  static bool uses(const SophiaOptions& o, std::size_t slot) { return slot == 1 || o.beta1 > 0.0; }

  /// h is the one to use by then.
  struct Rule {
    double lr, beta1, of_mean, gamma, eps, clip, decay;
    Rule(const SophiaOptions& o, double rate, Index t)
        : lr(rate),
          beta1(o.beta1),
          of_mean(o.bias_correction ? 1.0 / (1.0 - math::pow(o.beta1, static_cast<double>(t))) : 1.0),
          gamma(o.gamma),
          eps(o.eps),
          clip(o.clip),
          decay(rate * o.weight_decay) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, const T& h) const {
      m = T(beta1) * m + T(1.0 - beta1) * g;
      const T size = T(gamma) * h, free = T(of_mean) * m / (size < T(eps) ? T(eps) : size), most = T(clip);
      const T step = free > most ? most : free < -most ? -most : free;
      theta -= T(lr) * (m == T(0) ? T(0) : step) + T(decay) * theta;
    }
  };

  bool needs_closure() const override { return true; }

 private:
  double advance(Closure closure) override;
  /// Whether this update looks at the curvature for a group.
  bool looks(const SophiaOptions& o) const { return steps() % o.interval == 0; }
  /// h of the groups that look now, before or after the step.
  void renew(const std::vector<Tensor>& D, bool after);
};

}  // namespace ravine::optim
