/// @file
/// MARS.
#pragma once

#include <optional>

#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>
#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

/// What MARS gives its corrected gradient to.
enum class MARSForm { adamw, lion };

struct MARSOptions {
  double lr = 3e-3;           ///< step size α, > 0
  double beta1 = 0.95;        ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.99;        ///< decay of the mean of their squares, in [0, 1)
  double gamma = 0.025;       ///< weight γ of the correction, >= 0
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0, decoupled: subtracts α λ θ
  MARSForm form = MARSForm::adamw;
  std::optional<AdamWOptions> vectors =
      AdamWOptions{.lr = 3e-3, .weight_decay = 0.0};  ///< AdamW's, for parameters of fewer than 2 dimensions

  static void fields(auto&& field) {
    field("lr", &MARSOptions::lr, positive);
    field("beta1", &MARSOptions::beta1, below_one);
    field("beta2", &MARSOptions::beta2, below_one);
    field("gamma", &MARSOptions::gamma, non_negative);
    field("eps", &MARSOptions::eps, non_negative);
    field("weight_decay", &MARSOptions::weight_decay, non_negative);
    field("form", &MARSOptions::form, {"adamw", "lion"});
    field("vectors", &MARSOptions::vectors, {"none", "adamw"});
  }
};

/// AdamW or Lion with less noise: a gradient is corrected by its difference to the one before, g', at first 0,
///
///     c = g + γ β1 / (1 - β1) (g - g')        c ← c / max(1, ‖c‖) for each parameter
///     adamw    AdamW with c for g             lion    m ← β1 m + (1 - β1) c        θ ← θ - α sign(m) - α λ θ
///
/// Parameters of fewer than 2 dimensions are given to AdamW with `vectors`, or without them treated as all others. γ =
/// 0 and ‖g‖ ≤ 1 is AdamW. A NaN goes everywhere in its parameter. The slots are "m", "v", not kept with lion, and
/// "previous", g'; for what AdamW has, its own.
///
/// Source: Yuan et al., MARS: Unleashing the power of variance reduction (2024), in the form that takes one gradient.
class MARS final : public Parameterwise<MARS, MARSOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "MARS";
  static detail::Kept keeps(const MARSOptions& o, const Variable& p);
  static void change(const MARSOptions& o, Now now, const Variable& p, std::span<Tensor> kept);

  /// c² before its length is limited; the slot is g'.
  struct Sums {
    double factor;
    template <class T>
    [[gnu::always_inline]] T corrected(T g, T previous) const {
      return g + (g - previous) * T(factor);
    }
    template <class T>
    [[gnu::always_inline]] std::array<T, 1> operator()(T /*theta*/, T g, T previous) const {
      const T c = corrected(g, previous);
      return {c * c};
    }
  };
  /// AdamW with c / length for the gradient.
  struct AdamWStep {
    Sums of;
    detail::AdamMoments adam;
    double length, decay;
    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& previous, T& m, T& v) const {
      adam.renew(of.corrected(g, previous) / T(length), m, v);
      theta -= adam.step(m, v) + T(decay) * theta;
      previous = g;
    }
  };
  /// A step against the sign of the mean of c / length.
  struct LionStep {
    Sums of;
    double beta1, length, rate, decay;
    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& previous, T& m) const {
      m = T(beta1) * m + T(1.0 - beta1) * (of.corrected(g, previous) / T(length));
      theta -= T(rate) * detail::sign_of(m) + T(decay) * theta;
      previous = g;
    }
  };
  using Passes = detail::PassList<Sums, AdamWStep, LionStep>;
};

}  // namespace ravine::optim
