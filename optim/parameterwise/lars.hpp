/// @file
/// LARS.
#pragma once

#include <array>

#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

struct LARSOptions {
  double lr = 0.1;            ///< step size α, > 0
  double momentum = 0.9;      ///< μ, in [0, 1)
  bool nesterov = false;      ///< look ahead by μ V
  double trust = 1e-3;        ///< size of a step in proportion to that of the parameter, > 0
  double eps = 0.0;           ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &LARSOptions::lr, positive);
    field("momentum", &LARSOptions::momentum, below_one);
    field("nesterov", &LARSOptions::nesterov);
    field("trust", &LARSOptions::trust, positive);
    field("eps", &LARSOptions::eps, non_negative);
    field("weight_decay", &LARSOptions::weight_decay, non_negative);
  }
};

/// Momentum with steps in proportion to the size of the parameter; for each parameter, with g' = g + λ θ,
///
///     r = trust ‖θ‖ / (‖g'‖ + ε), or 1 if a norm is 0        V ← μ V + α r g'
///     θ ← θ - V, or with nesterov θ - (μ V + α r g')
///
/// A parameter that starts at 0 has r = 1, a thousand times its neighbours' rate. The norm is of the whole parameter,
/// so a NaN in it goes everywhere. The slot is "momentum", V, not kept for μ = 0.
///
/// Source: You, Gitman & Ginsburg, Large batch training of convolutional networks (2017), where r = trust ‖θ‖ / (‖g‖ +
/// λ ‖θ‖); the norm of the sum as in optax.
class LARS final : public Parameterwise<LARS, LARSOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "LARS";
  static detail::Kept keeps(const LARSOptions& o, const Variable& p);
  static void change(const LARSOptions& o, Now now, const Variable& p, std::span<Tensor> kept);

  /// θ² and g'².
  struct Sums {
    double decay;
    template <class T>
    [[gnu::always_inline]] std::array<T, 2> operator()(T theta, T g) const {
      const T sum = g + T(decay) * theta;
      return {theta * theta, sum * sum};
    }
  };
  using Passes = detail::PassList<Sums>;
};

}  // namespace ravine::optim
