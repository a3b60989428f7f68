/// @file
/// Averaged stochastic gradient descent.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct ASGDOptions {
  double lr = 0.01;           ///< step size α, > 0
  double lambd = 1e-4;        ///< how fast the rate falls and θ decays, λ >= 0
  double power = 0.75;        ///< by which power, p >= 0
  double t0 = 1e6;            ///< updates before the mean begins, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &ASGDOptions::lr, positive);
    field("lambd", &ASGDOptions::lambd, non_negative);
    field("power", &ASGDOptions::power, non_negative);
    field("t0", &ASGDOptions::t0, non_negative);
    field("weight_decay", &ASGDOptions::weight_decay, non_negative);
  }
};

/// Gradient descent at a falling rate, and the mean θ̄ of its later points, in update t = 1, 2, …:
///
///     η = α / (1 + λ α (t - 1))^p        θ ← (1 - λ η) θ - η g        θ̄ ← θ̄ + (θ - θ̄) / max(1, t - 1 - t₀)
///
/// θ̄ is θ until then, and what to evaluate with (see UseAverages). The slot is "average", θ̄.
///
/// Source: Polyak & Juditsky, Acceleration of stochastic approximation by averaging (1992); this form is PyTorch's,
/// with the rate that is in force.
class ASGD final : public Elementwise<ASGD, ASGDOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "ASGD";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"average"};
  static bool starts_at_parameter(std::size_t /*slot*/) { return true; }

  struct Rule {
    double eta, shrink, decay, share;
    Rule(const ASGDOptions& o, double lr, Index t)
        : eta(lr / math::pow(1.0 + o.lambd * lr * static_cast<double>(t - 1), o.power)),
          shrink(1.0 - o.lambd * eta),
          decay(o.weight_decay),
          share(1.0 / math::fmax(1.0, static_cast<double>(t - 1) - o.t0)) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& average) const {
      g += T(decay) * theta;
      theta = T(shrink) * theta - T(eta) * g;
      average = share == 1.0 ? theta : average + T(share) * (theta - average);
    }
  };

  std::vector<Tensor> averages() const override;
};

}  // namespace ravine::optim
