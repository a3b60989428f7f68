/// @file
/// QHAdam.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct QHAdamOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double nu1 = 1.0;           ///< share ν1 of the mean of gradients, in [0, 1]
  double nu2 = 1.0;           ///< share ν2 of the mean of squares, in [0, 1]
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0
  WeightDecay decay = WeightDecay::l2;

  static void fields(auto&& field) {
    field("lr", &QHAdamOptions::lr, positive);
    field("beta1", &QHAdamOptions::beta1, below_one);
    field("beta2", &QHAdamOptions::beta2, below_one);
    field("nu1", &QHAdamOptions::nu1, up_to_one);
    field("nu2", &QHAdamOptions::nu2, up_to_one);
    field("eps", &QHAdamOptions::eps, non_negative);
    field("weight_decay", &QHAdamOptions::weight_decay, non_negative);
    field("decay", &QHAdamOptions::decay, {"l2", "times_lr"});
  }
};

/// Adam that mixes its means with the present gradient:
///
///     θ ← θ - α (ν1 m̂ + (1 - ν1) g) / (√(ν2 v̂ + (1 - ν2) g²) + ε)
///
/// ν1 = ν2 = 1 is Adam. The slots are "m" and "v", not kept where their β is 0.
///
/// Source: Ma & Yarats, Quasi-hyperbolic momentum and Adam for deep learning (2019).
class QHAdam final : public Elementwise<QHAdam, QHAdamOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "QHAdam";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const QHAdamOptions& o, std::size_t slot) { return (slot == 0 ? o.beta1 : o.beta2) > 0.0; }

  struct Rule {
    double beta1, beta2, of_mean, of_gradient, of_means, of_square;
    detail::DecayFactors decay;
    detail::AdamStep step;
    Rule(const QHAdamOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          of_mean(o.nu1 / (1.0 - math::pow(o.beta1, static_cast<double>(t)))),
          of_gradient(1.0 - o.nu1),
          of_means(o.nu2 / (1.0 - math::pow(o.beta2, static_cast<double>(t)))),
          of_square(1.0 - o.nu2),
          decay(o.weight_decay, o.decay, lr),
          step(lr, 0.0, 0.0, t, o.eps, false, false) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      g += T(decay.coupled) * theta;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      theta -= step(T(of_mean) * m + T(of_gradient) * g, T(of_means) * v + T(of_square) * g * g) +
               T(decay.decoupled) * theta;
    }
  };
};

}  // namespace ravine::optim
