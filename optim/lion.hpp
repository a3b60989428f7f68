/// @file
/// Lion.
#pragma once

#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct LionOptions {
  double lr = 1e-4;           ///< step size α, > 0: about a tenth of Adam's
  double beta1 = 0.9;         ///< share of the momentum in the step's direction, in [0, 1)
  double beta2 = 0.99;        ///< decay of the momentum, in [0, 1)
  double weight_decay = 0.0;  ///< λ, >= 0, decoupled: subtracts α λ θ

  static void fields(auto&& field) {
    field("lr", &LionOptions::lr, positive);
    field("beta1", &LionOptions::beta1, below_one);
    field("beta2", &LionOptions::beta2, below_one);
    field("weight_decay", &LionOptions::weight_decay, non_negative);
  }
};

/// Lion: every element moves by α, or stays where the direction is exactly 0. With one number for each element:
///
///     u = sign(β1 m + (1 - β1) g)        θ ← θ - α (u + λ θ)        m ← β2 m + (1 - β2) g
///
/// The slot is "momentum", m, not kept for β1 = 0.
///
/// Source: Chen et al., Symbolic discovery of optimization algorithms (2023).
class Lion final : public Elementwise<Lion, LionOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Lion";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"momentum"};
  static bool uses(const LionOptions& o, std::size_t /*slot*/) { return o.beta1 > 0.0; }

  struct Rule {
    double lr, beta1, beta2, decay;
    Rule(const LionOptions& o, double rate, Index /*t*/)
        : lr(rate), beta1(o.beta1), beta2(o.beta2), decay(rate * o.weight_decay) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m) const {
      const T direction = T(beta1) * m + T(1.0 - beta1) * g;
      const T sign = direction > T(0) ? T(1) : direction < T(0) ? T(-1) : direction;  // NaN stays NaN
      theta -= T(lr) * sign + T(decay) * theta;
      m = T(beta2) * m + T(1.0 - beta2) * g;
    }
  };
};

extern template class Grouped<LionOptions>;
extern template class Elementwise<Lion, LionOptions>;

}  // namespace ravine::optim
