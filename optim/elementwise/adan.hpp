/// @file
/// Adan.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct AdanOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double beta1 = 0.98;        ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.92;        ///< decay of the mean of their differences, in [0, 1)
  double beta3 = 0.99;        ///< decay of the mean of squares, in [0, 1)
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0, decoupled: subtracts α λ θ

  static void fields(auto&& field) {
    field("lr", &AdanOptions::lr, positive);
    field("beta1", &AdanOptions::beta1, below_one);
    field("beta2", &AdanOptions::beta2, below_one);
    field("beta3", &AdanOptions::beta3, below_one);
    field("eps", &AdanOptions::eps, non_negative);
    field("weight_decay", &AdanOptions::weight_decay, non_negative);
  }
};

/// Adam with the differences of gradients, d = g - g', where g' is the gradient before, and d = 0 in the first update;
/// every mean is corrected by its own β:
///
///     m ← β1 m + (1 - β1) g        v ← β2 v + (1 - β2) d        n ← β3 n + (1 - β3) (g + (1 - β2) d)²
///     θ ← θ - α (m̂ + (1 - β2) v̂) / (√n̂ + ε) - α λ θ
///
/// A β is the weight of the old term: 1 less the paper's. The slots are "m", "v", "n" and "previous", g'; those whose β
/// is 0 are not kept.
///
/// Source: Xie et al., Adan: Adaptive Nesterov momentum algorithm (2022), without correction and with a proximal decay;
/// this form is optax's.
class Adan final : public Elementwise<Adan, AdanOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Adan";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v", "n", "previous"};
  static bool uses(const AdanOptions& o, std::size_t slot) {
    return slot == 3 || (slot == 0 ? o.beta1 : slot == 1 ? o.beta2 : o.beta3) > 0.0;
  }

  struct Rule {
    double beta1, beta2, beta3, of_mean, of_differences, decay;
    double first;  // 1 in the first update, then 0; a bool keeps g++ from vectorising
    detail::AdamStep step;
    Rule(const AdanOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          beta3(o.beta3),
          of_mean(1.0 / (1.0 - math::pow(o.beta1, static_cast<double>(t)))),
          of_differences((1.0 - o.beta2) / (1.0 - math::pow(o.beta2, static_cast<double>(t)))),
          decay(lr * o.weight_decay),
          first(t == 1 ? 1.0 : 0.0),
          step(lr, 0.0, o.beta3, t, o.eps, false, true) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v, T& n, T& previous) const {
      const T d = T(first) > T(0) ? T(0) : g - previous, ahead = g + T(1.0 - beta2) * d;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * d;
      n = T(beta3) * n + T(1.0 - beta3) * ahead * ahead;
      previous = g;
      theta -= step(T(of_mean) * m + T(of_differences) * v, n) + T(decay) * theta;
    }
  };
};

}  // namespace ravine::optim
