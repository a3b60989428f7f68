/// @file
/// Cautious optimizers, which leave out what goes against the gradient: AdamW and Lion.
#pragma once

#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

struct CautiousAdamWOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0, decoupled: subtracts α λ θ

  static void fields(auto&& field) {
    field("lr", &CautiousAdamWOptions::lr, positive);
    field("beta1", &CautiousAdamWOptions::beta1, below_one);
    field("beta2", &CautiousAdamWOptions::beta2, below_one);
    field("eps", &CautiousAdamWOptions::eps, non_negative);
    field("weight_decay", &CautiousAdamWOptions::weight_decay, non_negative);
  }
};

struct CautiousLionOptions {
  double lr = 1e-4;           ///< step size α, > 0
  double beta1 = 0.9;         ///< share of the momentum in the step's direction, in [0, 1)
  double beta2 = 0.99;        ///< decay of the momentum, in [0, 1)
  double weight_decay = 0.0;  ///< λ, >= 0, decoupled: subtracts α λ θ

  static void fields(auto&& field) {
    field("lr", &CautiousLionOptions::lr, positive);
    field("beta1", &CautiousLionOptions::beta1, below_one);
    field("beta2", &CautiousLionOptions::beta2, below_one);
    field("weight_decay", &CautiousLionOptions::weight_decay, non_negative);
  }
};

/// AdamW that moves only the elements whose mean of gradients agrees with the gradient in sign, and those further; with
/// φ 1 where m g > 0 and 0 elsewhere, for each parameter, of n elements,
///
///     c = n / (Σφ + 1)        θ ← θ - α φ c m̂ / (√v̂ + ε) - α λ θ
///
/// with m, m̂ and v̂ as Adam's. A parameter of one element goes at half speed. A NaN is not counted in Σφ and stays. The
/// slots are "m" and "v".
///
/// Source: Liang et al., Cautious optimizers (2024).
class CautiousAdamW final : public Parameterwise<CautiousAdamW, CautiousAdamWOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "CautiousAdamW";
  static constexpr const char* key = "cautious_adamw";
  static detail::Kept keeps(const CautiousAdamWOptions& o, const Variable& p);
  static void change(const CautiousAdamWOptions& o, Now now, const Variable& p, std::span<Tensor> kept);
};

/// Lion that moves only the elements whose direction agrees with the gradient in sign, and those further:
///
///     u = sign(β1 m + (1 - β1) g)        φ, of u g, and c as in CautiousAdamW
///     θ ← θ - α φ c u - α λ θ            m ← β2 m + (1 - β2) g
///
/// The slot is "momentum", m.
///
/// Source: Liang et al., Cautious optimizers (2024).
class CautiousLion final : public Parameterwise<CautiousLion, CautiousLionOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "CautiousLion";
  static constexpr const char* key = "cautious_lion";
  static detail::Kept keeps(const CautiousLionOptions& o, const Variable& p);
  static void change(const CautiousLionOptions& o, Now now, const Variable& p, std::span<Tensor> kept);
};

}  // namespace ravine::optim
