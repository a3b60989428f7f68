/// @file
/// Cautious optimizers, which leave out what goes against the gradient: AdamW and Lion.
#pragma once

#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>
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

  /// Brings m and v up to date; φ.
  struct Sums {
    detail::AdamMoments adam;
    template <class T>
    [[gnu::always_inline]] std::array<T, 1> operator()(T /*theta*/, T g, T& m, T& v) const {
      adam.renew(g, m, v);
      return {m * g > T(0) ? T(1) : T(0)};
    }
  };
  /// θ ← θ - φ times Adam's step - decay θ; NaN times 0 stays NaN.
  struct Step {
    detail::AdamMoments adam;
    double decay;
    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T m, T v) const {
      theta -= adam.step(m, v) * (m * g > T(0) ? T(1) : T(0)) + T(decay) * theta;
    }
  };
  using Passes = detail::PassList<Sums, Step>;
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

  /// φ.
  struct Sums {
    double beta1;
    template <class T>
    [[gnu::always_inline]] T direction(T g, T m) const {
      return detail::sign_of(T(beta1) * m + T(1.0 - beta1) * g);
    }
    template <class T>
    [[gnu::always_inline]] std::array<T, 1> operator()(T /*theta*/, T g, T m) const {
      return {direction(g, m) * g > T(0) ? T(1) : T(0)};
    }
  };
  /// θ ← θ - rate φ u - decay θ, and the mean after it.
  struct Step {
    Sums of;
    double beta2, rate, decay;
    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m) const {
      const T u = of.direction(g, m);
      theta -= T(rate) * (u * (u * g > T(0) ? T(1) : T(0))) + T(decay) * theta;
      m = T(beta2) * m + T(1.0 - beta2) * g;
    }
  };
  using Passes = detail::PassList<Sums, Step>;
};

}  // namespace ravine::optim
