/// @file
/// Grams.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct GramsOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-6;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0, decoupled: subtracts α λ θ

  static void fields(auto&& field) {
    field("lr", &GramsOptions::lr, positive);
    field("beta1", &GramsOptions::beta1, below_one);
    field("beta2", &GramsOptions::beta2, below_one);
    field("eps", &GramsOptions::eps, non_negative);
    field("weight_decay", &GramsOptions::weight_decay, non_negative);
  }
};

/// AdamW with the direction of the gradient and the size of Adam's step:
///
///     θ ← θ - α sign(g) |m̂ / (√v̂ + ε)| - α λ θ
///
/// The slots are "m" and "v", not kept where their β is 0.
///
/// Source: Cao et al., Grams: Gradient descent with adaptive momentum scaling (2024).
class Grams final : public Elementwise<Grams, GramsOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Grams";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const GramsOptions& o, std::size_t slot) { return (slot == 0 ? o.beta1 : o.beta2) > 0.0; }

  struct Rule {
    double beta1, beta2, decay;
    detail::AdamStep step;
    Rule(const GramsOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          decay(lr * o.weight_decay),
          step(lr, o.beta1, o.beta2, t, o.eps, false, true) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      theta -= detail::sign_of(g) * math::abs(step(m, v)) + T(decay) * theta;
    }
  };
};

}  // namespace ravine::optim
