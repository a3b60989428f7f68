/// @file
/// Yogi.
#pragma once

#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct YogiOptions {
  double lr = 0.01;                   ///< step size α, > 0
  double beta1 = 0.9;                 ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;               ///< how slowly v follows, in [0, 1)
  double eps = 1e-3;                  ///< ε, >= 0
  double initial_accumulator = 1e-6;  ///< what m and v start with, >= 0

  static void fields(auto&& field) {
    field("lr", &YogiOptions::lr, positive);
    field("beta1", &YogiOptions::beta1, below_one);
    field("beta2", &YogiOptions::beta2, below_one);
    field("eps", &YogiOptions::eps, non_negative);
    field("initial_accumulator", &YogiOptions::initial_accumulator, non_negative);
  }
};

/// Adam whose second moment moves by g² whatever it is, with m as Adam's and both corrected as Adam's:
///
///     v ← v - (1 - β2) sign(v - g²) g²        θ ← θ - α m̂ / (√v̂ + ε)
///
/// The slots are "m" and "v", which both start with initial_accumulator; m is not kept for β1 = 0.
///
/// Source: Zaheer et al., Adaptive methods for nonconvex optimization (2018), where m starts with 0; the start as in
/// optax.
class Yogi final : public Elementwise<Yogi, YogiOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Yogi";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const YogiOptions& o, std::size_t slot) { return slot == 1 || o.beta1 > 0.0; }
  static double initial(const YogiOptions& o, std::size_t /*slot*/) { return o.initial_accumulator; }

  struct Rule {
    double beta1, beta2;
    detail::AdamStep step;
    Rule(const YogiOptions& o, double lr, Index t)
        : beta1(o.beta1), beta2(o.beta2), step(lr, o.beta1, o.beta2, t, o.eps, false, true) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v -= T(1.0 - beta2) * detail::sign_of(v - g * g) * g * g;
      theta -= step(m, v);
    }
  };
};

}  // namespace ravine::optim
