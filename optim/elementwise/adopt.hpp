/// @file
/// ADOPT.
#pragma once

#include <limits>

#include <ravine/core/math.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

struct ADOPTOptions {
  double lr = 1e-3;       ///< step size α, > 0
  double beta1 = 0.9;     ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.9999;  ///< decay of the mean of squares, in [0, 1)
  double eps = 1e-6;      ///< ε, >= 0: the least denominator
  bool clip = true;       ///< keep u within ± (t - 1)^¼

  static void fields(auto&& field) {
    field("lr", &ADOPTOptions::lr, positive);
    field("beta1", &ADOPTOptions::beta1, below_one);
    field("beta2", &ADOPTOptions::beta2, below_one);
    field("eps", &ADOPTOptions::eps, non_negative);
    field("clip", &ADOPTOptions::clip);
  }
};

/// Adam whose denominators know nothing of the present gradient. The first update sets v = g² and moves nothing; in
/// update t = 2, 3, …
///
///     u = g / max(√v, ε), with clip within ± (t - 1)^¼        m ← β1 m + (1 - β1) u        θ ← θ - α m
///     v ← β2 v + (1 - β2) g²
///
/// Where g is 0, so is u. The slots are "m" and "v"; m is not kept for β1 = 0.
///
/// Source: Taniguchi et al., ADOPT: Modified Adam can converge with any β2 with the optimal rate (2024).
class ADOPT final : public Elementwise<ADOPT, ADOPTOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "ADOPT";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const ADOPTOptions& o, std::size_t slot) { return slot == 1 || o.beta1 > 0.0; }

  struct Rule {
    double lr, beta1, keep, gain, eps, limit;
    Rule(const ADOPTOptions& o, double rate, Index t)
        : lr(rate),
          beta1(o.beta1),
          keep(o.beta2),
          gain(1.0 - o.beta2),
          eps(o.eps),
          limit(o.clip ? math::pow(static_cast<double>(t - 1), 0.25) : std::numeric_limits<double>::infinity()) {
      if (t > 1) return;
      keep = lr = limit = 0.0;  // u = 0
      gain = 1.0;
    }

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      const T scaled = g / detail::larger(T(eps), math::sqrt(v)), most = T(limit);
      const T u = scaled > most ? most : scaled < -most ? -most : scaled;
      m = T(beta1) * m + T(1.0 - beta1) * (g == T(0) ? T(0) : u);
      theta -= T(lr) * m;
      v = T(keep) * v + T(gain) * g * g;
    }
  };
};

}  // namespace ravine::optim
