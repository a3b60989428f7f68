/// @file
/// MADGRAD.
#pragma once

#include <cmath>

#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct MADGRADOptions {
  double lr = 0.01;           ///< step size α, > 0
  double momentum = 0.9;      ///< share μ of the old θ, in [0, 1)
  double eps = 1e-6;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &MADGRADOptions::lr, positive);
    field("momentum", &MADGRADOptions::momentum, below_one);
    field("eps", &MADGRADOptions::eps, non_negative);
    field("weight_decay", &MADGRADOptions::weight_decay, non_negative);
  }
};

/// Dual averaging with cube roots: every step starts from θ₀, where the optimizer began. In update t = 1, 2, …, with
/// w = (α + ε) √t, or 0 at a rate of 0,
///
///     v ← v + w g²        s ← s + w g        z = θ₀ - s / (∛v + ε)        θ ← μ θ + (1 - μ) z
///
/// Where s is 0, z is θ₀. The slots are "squares", v, "sum", s, and "start", θ₀.
///
/// Source: Defazio & Jelassi, Adaptivity without compromise (2021), whose c is 1 - μ.
class MADGRAD final : public Elementwise<MADGRAD, MADGRADOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "MADGRAD";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"squares", "sum", "start"};
  static bool starts_at_parameter(std::size_t slot) { return slot == 2; }

  struct Rule {
    double weight, momentum, eps, decay;
    bool first;
    Rule(const MADGRADOptions& o, double lr, Index t)
        : weight(lr > 0.0 ? (lr + o.eps) * std::sqrt(static_cast<double>(t)) : 0.0),
          momentum(o.momentum),
          eps(o.eps),
          decay(o.weight_decay),
          first(t == 1) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& v, T& s, T& start) const {
      start = first ? theta : start;
      g += T(decay) * theta;
      v += T(weight) * g * g;
      s += T(weight) * g;
      const T step = s / (std::cbrt(v) + T(eps));
      theta = T(momentum) * theta + T(1.0 - momentum) * (start - (s == T(0) ? T(0) : step));
    }
  };
};

}  // namespace ravine::optim
