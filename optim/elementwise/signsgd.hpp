/// @file
/// SignSGD.
#pragma once

#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct SignSGDOptions {
  double lr = 1e-3;  ///< step size α, > 0

  static void fields(auto&& field) { field("lr", &SignSGDOptions::lr, positive); }
};

/// Every element moves by α, or stays where its gradient is exactly 0:
///
///     θ ← θ - α sign(g)
///
/// Nothing is kept.
///
/// Source: Bernstein et al., signSGD (2018).
class SignSGD final : public Elementwise<SignSGD, SignSGDOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "SignSGD";
  static constexpr bool built_in = true;
  static constexpr std::array<const char*, 0> slots = {};

  struct Rule {
    double lr;
    Rule(const SignSGDOptions& /*o*/, double rate, Index /*t*/) : lr(rate) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g) const {
      theta -= T(lr) * detail::sign_of(g);
    }
  };
};

}  // namespace ravine::optim
