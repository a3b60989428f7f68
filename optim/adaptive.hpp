/// @file
/// Optimizers that scale each element's step by the sizes of its gradients: AdaGrad, RMSProp, AdaDelta.
#pragma once

#include <ravine/core/math.hpp>
#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

/// How AdaGrad is written: by the sum of squared gradients, or by their mean and a rate α / √t. The same for eps = 0.
enum class AdaGradForm { sum, rms };

struct AdaGradOptions {
  double lr = 0.01;   ///< step size α, > 0
  double eps = 1e-7;  ///< δ, >= 0
  AdaGradForm form = AdaGradForm::sum;
  double initial_accumulator = 0.0;  ///< what r starts with, >= 0
  double weight_decay = 0.0;         ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &AdaGradOptions::lr, positive);
    field("eps", &AdaGradOptions::eps, non_negative);
    field("form", &AdaGradOptions::form, {"sum", "rms"});
    field("initial_accumulator", &AdaGradOptions::initial_accumulator, non_negative);
    field("weight_decay", &AdaGradOptions::weight_decay, non_negative);
  }
};

/// What RMSProp's mean of squares starts with: 0, or the square of the gradient in the optimizer's first update.
enum class RMSPropInit { zero, first_gradient };

struct RMSPropOptions {
  double lr = 0.01;         ///< step size α, > 0
  double rho = 0.9;         ///< decay ρ of the mean of squares, in [0, 1)
  double eps = 1e-6;        ///< δ, >= 0
  bool eps_inside = false;  ///< δ under the root
  RMSPropInit init = RMSPropInit::zero;
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &RMSPropOptions::lr, positive);
    field("rho", &RMSPropOptions::rho, below_one);
    field("eps", &RMSPropOptions::eps, non_negative);
    field("eps_inside", &RMSPropOptions::eps_inside);
    field("init", &RMSPropOptions::init, {"zero", "first_gradient"});
    field("weight_decay", &RMSPropOptions::weight_decay, non_negative);
  }
};

struct AdaDeltaOptions {
  double lr = 1.0;            ///< factor α of the step, > 0
  double rho = 0.95;          ///< decay ρ of both means, in [0, 1)
  double eps = 1e-6;          ///< ε, >= 0: it sets the pace, and with 0 nothing ever moves
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &AdaDeltaOptions::lr, positive);
    field("rho", &AdaDeltaOptions::rho, below_one);
    field("eps", &AdaDeltaOptions::eps, non_negative);
    field("weight_decay", &AdaDeltaOptions::weight_decay, non_negative);
  }
};

/// AdaGrad, in update t = 1, 2, …:
///
///     sum    r ← r + g²        θ ← θ - α g / (δ + √r)
///     rms    the same r        θ ← θ - α/√t g / (δ + √(r/t))
///
/// Where g is 0, θ stays: with δ = 0, 0/0 counts as 0. (A gradient so small that its square vanishes still gives
/// infinity then, also in the others.) The slot is "squares", r.
///
/// Source: the lectures; Duchi, Hazan & Singer (2011).
class AdaGrad final : public Elementwise<AdaGrad, AdaGradOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AdaGrad";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"squares"};
  static double initial(const AdaGradOptions& o, std::size_t /*slot*/) { return o.initial_accumulator; }

  struct Rule {
    double lr, eps, decay;  // eps: δ, times √t in the rms form, whose other factors √t cancel
    Rule(const AdaGradOptions& o, double rate, Index t)
        : lr(rate),
          eps(o.form == AdaGradForm::rms ? o.eps * math::sqrt(static_cast<double>(t)) : o.eps),
          decay(o.weight_decay) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& r) const {
      g += T(decay) * theta;
      r += g * g;
      const T up = T(lr) * g;
      const T step = up / (T(eps) + math::sqrt(r));
      theta -= up == T(0) ? T(0) : step;
    }
  };
};

/// RMSProp:
///
///     r ← ρ r + (1 - ρ) g²        θ ← θ - α g / (δ + √r)    or, with eps_inside, θ - α g / √(r + δ)
///
/// With first_gradient, the first update sets r = g² instead. Where g is 0, θ stays: with δ = 0, 0/0 counts as 0.
/// The slot is "squares", r, not kept for ρ = 0. Near a minimum the steps stay about α.
///
/// Source: the lectures; Tieleman & Hinton (2012).
class RMSProp final : public Elementwise<RMSProp, RMSPropOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "RMSProp";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"squares"};
  static bool uses(const RMSPropOptions& o, std::size_t /*slot*/) { return o.rho > 0.0; }

  struct Rule {
    double lr, keep, gain, inside, outside, decay;
    Rule(const RMSPropOptions& o, double rate, Index t)
        : lr(rate),
          keep(o.rho),
          gain(1.0 - o.rho),
          inside(o.eps_inside ? o.eps : 0.0),
          outside(o.eps_inside ? 0.0 : o.eps),
          decay(o.weight_decay) {
      if (t > 1 || o.init != RMSPropInit::first_gradient) return;
      keep = 0.0;
      gain = 1.0;
    }

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& r) const {
      g += T(decay) * theta;
      r = T(keep) * r + T(gain) * g * g;
      const T up = T(lr) * g;
      const T step = up / (T(outside) + math::sqrt(r + T(inside)));
      theta -= up == T(0) ? T(0) : step;
    }
  };
};

/// AdaDelta:
///
///     r ← ρ r + (1 - ρ) g²        Δ = -√(s + ε) / √(r + ε) g        s ← ρ s + (1 - ρ) Δ²        θ ← θ + α Δ
///
/// Where g is 0, θ stays. The slots are "squares", r, not kept for ρ = 0, and "steps", s, which then is the last Δ².
///
/// Source: Zeiler (2012), named in the lectures.
class AdaDelta final : public Elementwise<AdaDelta, AdaDeltaOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AdaDelta";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"squares", "steps"};
  static bool uses(const AdaDeltaOptions& o, std::size_t slot) { return slot == 1 || o.rho > 0.0; }

  struct Rule {
    double lr, rho, eps, decay;
    Rule(const AdaDeltaOptions& o, double rate, Index /*t*/)
        : lr(rate), rho(o.rho), eps(o.eps), decay(o.weight_decay) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& r, T& s) const {
      g += T(decay) * theta;
      r = T(rho) * r + T(1.0 - rho) * g * g;
      const T up = math::sqrt(s + T(eps)) * g;
      const T step = up / math::sqrt(r + T(eps));
      const T delta = up == T(0) ? T(0) : step;
      s = T(rho) * s + T(1.0 - rho) * delta * delta;
      theta -= T(lr) * delta;
    }
  };
};

extern template class Grouped<AdaGradOptions>;
extern template class Elementwise<AdaGrad, AdaGradOptions>;
extern template class Grouped<RMSPropOptions>;
extern template class Elementwise<RMSProp, RMSPropOptions>;
extern template class Grouped<AdaDeltaOptions>;
extern template class Elementwise<AdaDelta, AdaDeltaOptions>;

}  // namespace ravine::optim
