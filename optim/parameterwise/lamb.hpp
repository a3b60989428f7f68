/// @file
/// LAMB.
#pragma once

#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

struct LAMBOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-6;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0: part of u

  static void fields(auto&& field) {
    field("lr", &LAMBOptions::lr, positive);
    field("beta1", &LAMBOptions::beta1, below_one);
    field("beta2", &LAMBOptions::beta2, below_one);
    field("eps", &LAMBOptions::eps, non_negative);
    field("weight_decay", &LAMBOptions::weight_decay, non_negative);
  }
};

/// Adam with steps in proportion to the size of the parameter, with m̂ and v̂ as Adam's, and for each parameter
///
///     u = m̂ / (√v̂ + ε) + λ θ        r = ‖θ‖ / ‖u‖, or 1 if either is 0        θ ← θ - α r u
///
/// The norm is of the whole parameter, so a NaN in it goes everywhere. The slots are "m" and "v".
///
/// Source: You et al., Large batch optimization for deep learning (2020), with the identity for φ.
class LAMB final : public Parameterwise<LAMB, LAMBOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "LAMB";
  static detail::Kept keeps(const LAMBOptions& o, const Variable& p);
  static void change(const LAMBOptions& o, Now now, const Variable& p, std::span<Tensor> kept);
};

}  // namespace ravine::optim
