/// @file
/// Signum.
#pragma once

#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct SignumOptions {
  double lr = 1e-3;       ///< step size α, > 0
  double momentum = 0.9;  ///< decay μ of the mean of gradients, in [0, 1)

  static void fields(auto&& field) {
    field("lr", &SignumOptions::lr, positive);
    field("momentum", &SignumOptions::momentum, below_one);
  }
};

/// SignSGD by the mean of gradients:
///
///     m ← μ m + (1 - μ) g        θ ← θ - α sign(m)
///
/// The slot is "momentum", m, not kept for μ = 0.
///
/// Source: Bernstein et al., signSGD (2018).
class Signum final : public Elementwise<Signum, SignumOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Signum";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"momentum"};
  static bool uses(const SignumOptions& o, std::size_t /*slot*/) { return o.momentum > 0.0; }

  struct Rule {
    double lr, momentum;
    Rule(const SignumOptions& o, double rate, Index /*t*/) : lr(rate), momentum(o.momentum) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m) const {
      m = T(momentum) * m + T(1.0 - momentum) * g;
      theta -= T(lr) * detail::sign_of(m);
    }
  };
};

}  // namespace ravine::optim
