/// @file
/// LAMB.
#pragma once

#include <ravine/optim/adam.hpp>
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

  /// Brings m and v up to date; θ² and u².
  struct Sums {
    detail::AdamMoments adam;
    double decay;
    template <class T>
    [[gnu::always_inline]] std::array<T, 2> operator()(T theta, T g, T& m, T& v) const {
      adam.renew(g, m, v);
      const T u = adam.step(m, v) + T(decay) * theta;
      return {theta * theta, u * u};
    }
  };
  /// θ ← θ - rate u.
  struct Step {
    Sums of;
    double rate;
    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T /*g*/, T m, T v) const {
      theta -= T(rate) * (of.adam.step(m, v) + T(of.decay) * theta);
    }
  };
  using Passes = detail::PassList<Sums, Step>;
};

}  // namespace ravine::optim
