/// @file
/// RAdam.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct RAdamOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0
  WeightDecay decay = WeightDecay::l2;

  static void fields(auto&& field) {
    field("lr", &RAdamOptions::lr, positive);
    field("beta1", &RAdamOptions::beta1, below_one);
    field("beta2", &RAdamOptions::beta2, below_one);
    field("eps", &RAdamOptions::eps, non_negative);
    field("weight_decay", &RAdamOptions::weight_decay, non_negative);
    field("decay", &RAdamOptions::decay, {"l2", "times_lr"});
  }
};

/// Adam that goes without its denominator until enough squares have been seen to trust it, in update t = 1, 2, …, with
/// m, v, m̂ as Adam's, ρ∞ = 2 / (1 - β2) - 1 and ρ = ρ∞ - 2 t β2^t / (1 - β2^t):
///
///     ρ > 5    r = √((ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ))        θ ← θ - α r m̂ √(1 - β2^t) / (√v + ε)
///     else     θ ← θ - α m̂
///
/// So the first updates, 5 at the defaults, are momentum's with Adam's rate; for β2 below 0.67 all are. Where m is 0, θ
/// stays. The slots are "m" and "v", not kept where their β is 0.
///
/// Source: Liu et al., On the variance of the adaptive learning rate and beyond (2020), with ρ > 4; 5 as in PyTorch.
class RAdam final : public Elementwise<RAdam, RAdamOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "RAdam";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const RAdamOptions& o, std::size_t slot) { return (slot == 0 ? o.beta1 : o.beta2) > 0.0; }

  struct Rule {
    double beta1, beta2, eps, rate;
    bool rectified;
    detail::DecayFactors decay;
    Rule(const RAdamOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          eps(o.eps),
          rate(lr / (1.0 - math::pow(o.beta1, static_cast<double>(t)))),
          decay(o.weight_decay, o.decay, lr) {
      const double n = static_cast<double>(t), power = math::pow(beta2, n), last = 2.0 / (1.0 - beta2) - 1.0;
      const double rho = last - 2.0 * n * power / (1.0 - power);
      rectified = rho > 5.0;
      if (!rectified) return;
      rate *=
          math::sqrt(1.0 - power) * math::sqrt((rho - 4.0) * (rho - 2.0) * last / ((last - 4.0) * (last - 2.0) * rho));
    }

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      g += T(decay.coupled) * theta;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      const T step = T(rate) * m / (rectified ? math::sqrt(v) + T(eps) : T(1));
      theta -= (m == T(0) ? T(0) : step) + T(decay.decoupled) * theta;
    }
  };
};

}  // namespace ravine::optim
