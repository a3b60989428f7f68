/// @file
/// AMSGrad.
#pragma once

#include <utility>

#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>

namespace ravine::optim {

/// What AMSGrad keeps the largest of: v, corrected by what today's v is, or v̂.
enum class AMSGradMaximum { raw, corrected };

struct AMSGradOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-8;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0
  WeightDecay decay = WeightDecay::l2;
  AMSGradMaximum maximum = AMSGradMaximum::raw;

  static void fields(auto&& field) {
    field("lr", &AMSGradOptions::lr, positive);
    field("beta1", &AMSGradOptions::beta1, below_one);
    field("beta2", &AMSGradOptions::beta2, below_one);
    field("eps", &AMSGradOptions::eps, non_negative);
    field("weight_decay", &AMSGradOptions::weight_decay, non_negative);
    field("decay", &AMSGradOptions::decay, {"l2", "times_lr"});
    field("maximum", &AMSGradOptions::maximum, {"raw", "corrected"});
  }
};

/// Adam whose denominators never shrink, in update t = 1, 2, …, with m, v and m̂ as Adam's:
///
///     raw          V ← max(V, v)        θ ← θ - α m̂ / (√(V / (1 - β2^t)) + ε)
///     corrected    V ← max(V, v̂)        θ ← θ - α m̂ / (√V + ε)
///
/// As v̂ of the first update is all of g², `corrected` never forgets the first gradient. The slots are "m", "v" and
/// "max", V; m and v are not kept where their β is 0.
///
/// Source: Reddi, Kale & Kumar, On the convergence of Adam and beyond (2018), which has no correction; raw as in
/// PyTorch.
class AMSGrad final : public Elementwise<AMSGrad, AMSGradOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AMSGrad";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v", "max"};
  static bool uses(const AMSGradOptions& o, std::size_t slot) {
    return slot == 2 || (slot == 0 ? o.beta1 : o.beta2) > 0.0;
  }

  struct Rule {
    double beta1, beta2, before;  // before: what v is multiplied by ahead of the maximum
    detail::DecayFactors decay;
    detail::AdamStep step;
    Rule(const AMSGradOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          before(1.0),
          decay(o.weight_decay, o.decay, lr),
          step(lr, o.beta1, o.beta2, t, o.eps, false, true) {
      if (o.maximum == AMSGradMaximum::corrected) std::swap(before, step.scale);
    }

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v, T& max) const {
      g += T(decay.coupled) * theta;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      max = detail::larger(max, T(before) * v);
      theta -= step(m, max) + T(decay.decoupled) * theta;
    }
  };
};

}  // namespace ravine::optim
