/// @file
/// Adamax.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct AdamaxOptions {
  double lr = 2e-3;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the largest gradient, in [0, 1)
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &AdamaxOptions::lr, positive);
    field("beta1", &AdamaxOptions::beta1, below_one);
    field("beta2", &AdamaxOptions::beta2, below_one);
    field("eps", &AdamaxOptions::eps, non_negative);
    field("weight_decay", &AdamaxOptions::weight_decay, non_negative);
  }
};

/// Adam with the largest gradient, which decays, in place of the mean of squares, in update t = 1, 2, …:
///
///     m ← β1 m + (1 - β1) g        u ← max(β2 u, |g| + ε)        θ ← θ - α / (1 - β1^t) m / u
///
/// Where m is 0, θ stays. The slots are "m" and "u", not kept where their β is 0.
///
/// Source: Kingma & Ba, Adam (2015), section 7, without ε; ε as in PyTorch.
class Adamax final : public Elementwise<Adamax, AdamaxOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Adamax";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "u"};
  static bool uses(const AdamaxOptions& o, std::size_t slot) { return (slot == 0 ? o.beta1 : o.beta2) > 0.0; }

  struct Rule {
    double beta1, beta2, eps, decay, rate;
    Rule(const AdamaxOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          eps(o.eps),
          decay(o.weight_decay),
          rate(lr / (1.0 - math::pow(o.beta1, static_cast<double>(t)))) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& u) const {
      g += T(decay) * theta;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      u = detail::larger(T(beta2) * u, math::abs(g) + T(eps));
      const T step = T(rate) * m / u;
      theta -= m == T(0) ? T(0) : step;
    }
  };
};

}  // namespace ravine::optim
