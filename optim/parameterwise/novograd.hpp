/// @file
/// NovoGrad.
#pragma once

#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

struct NovoGradOptions {
  double lr = 0.01;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the sum of scaled gradients, in [0, 1)
  double beta2 = 0.25;        ///< decay of the mean of squared norms, in [0, 1)
  double eps = 1e-6;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the scaled gradient

  static void fields(auto&& field) {
    field("lr", &NovoGradOptions::lr, positive);
    field("beta1", &NovoGradOptions::beta1, below_one);
    field("beta2", &NovoGradOptions::beta2, below_one);
    field("eps", &NovoGradOptions::eps, non_negative);
    field("weight_decay", &NovoGradOptions::weight_decay, non_negative);
  }
};

/// Momentum of gradients that are scaled by the norm of the whole parameter's; v is one number, ‖g‖² in the first
/// update,
///
///     v ← β2 v + (1 - β2) ‖g‖²        m ← β1 m + g / (√v + ε) + λ θ        θ ← θ - α m
///
/// m is a sum. The norm is of the whole parameter, so a NaN in it goes everywhere. The slots are "m" and "v".
///
/// Source: Ginsburg et al., Stochastic gradient methods with layer-wise adaptive moments (2019), with β2 = 0.98; 0.25
/// as in optax.
class NovoGrad final : public Parameterwise<NovoGrad, NovoGradOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "NovoGrad";
  static detail::Kept keeps(const NovoGradOptions& o, const Variable& p);
  static void change(const NovoGradOptions& o, Now now, const Variable& p, std::span<Tensor> kept);
};

}  // namespace ravine::optim
