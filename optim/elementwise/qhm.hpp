/// @file
/// Quasi-hyperbolic momentum.
#pragma once

#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct QHMOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double momentum = 0.999;    ///< decay μ of the mean of gradients, in [0, 1)
  double nu = 0.7;            ///< its share ν, in [0, 1]
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &QHMOptions::lr, positive);
    field("momentum", &QHMOptions::momentum, below_one);
    field("nu", &QHMOptions::nu, up_to_one);
    field("weight_decay", &QHMOptions::weight_decay, non_negative);
  }
};

/// Momentum mixed with the present gradient:
///
///     m ← μ m + (1 - μ) g        θ ← θ - α (ν m + (1 - ν) g)
///
/// As m is a mean, not a sum, a rate for SGD's momentum is to be multiplied by 1 / (1 - μ). ν = 0 is SGD. The slot is
/// "momentum", m, not kept for μ = 0.
///
/// Source: Ma & Yarats, Quasi-hyperbolic momentum and Adam for deep learning (2019).
class QHM final : public Elementwise<QHM, QHMOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "QHM";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"momentum"};
  static bool uses(const QHMOptions& o, std::size_t /*slot*/) { return o.momentum > 0.0; }

  struct Rule {
    double lr, momentum, nu, decay;
    Rule(const QHMOptions& o, double rate, Index /*t*/)
        : lr(rate), momentum(o.momentum), nu(o.nu), decay(o.weight_decay) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m) const {
      g += T(decay) * theta;
      m = T(momentum) * m + T(1.0 - momentum) * g;
      theta -= T(lr) * (T(nu) * m + T(1.0 - nu) * g);
    }
  };
};

}  // namespace ravine::optim
