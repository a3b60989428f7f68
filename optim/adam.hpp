/// @file
/// Adam.
#pragma once

#include <cmath>

#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct AdamOptions {
  double lr = 1e-3;             ///< step size α, > 0
  double beta1 = 0.9;           ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;         ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-8;            ///< ε, >= 0
  bool eps_inside = false;      ///< ε under the root, where it acts like √ε outside
  bool bias_correction = true;  ///< divide out that both means start at 0
  double weight_decay = 0.0;    ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &AdamOptions::lr, positive);
    field("beta1", &AdamOptions::beta1, below_one);
    field("beta2", &AdamOptions::beta2, below_one);
    field("eps", &AdamOptions::eps, non_negative);
    field("eps_inside", &AdamOptions::eps_inside);
    field("bias_correction", &AdamOptions::bias_correction);
    field("weight_decay", &AdamOptions::weight_decay, non_negative);
  }
};

/// Adam, in update t = 1, 2, …:
///
///     m ← β1 m + (1 - β1) g                  m̂ = m / (1 - β1^t)
///     v ← β2 v + (1 - β2) g²                 v̂ = v / (1 - β2^t)
///     θ ← θ - α m̂ / (√v̂ + ε)                 or, with eps_inside, θ - α m̂ / √(v̂ + ε)
///
/// Without bias correction m̂ = m and v̂ = v. Where m is 0, θ stays: with ε = 0, 0/0 counts as 0. (A gradient so small
/// that its square vanishes still gives infinity then.) The slots are "m" and "v"; one whose β is 0 is not kept.
///
/// Source: the lectures; Kingma & Ba, Adam (2015), Algorithm 1, whose options are the defaults.
class Adam final : public Elementwise<Adam, AdamOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Adam";
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const AdamOptions& o, std::size_t slot) { return (slot == 0 ? o.beta1 : o.beta2) > 0.0; }

  struct Rule {
    double beta1, beta2, decay;
    double rate;             // α / (1 - β1^t)
    double scale;            // 1 / (1 - β2^t)
    double inside, outside;  // ε, where it belongs
    Rule(const AdamOptions& options, double lr, Index t);

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      g += T(decay) * theta;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      const T step = T(rate) * m / (std::sqrt(T(scale) * v + T(inside)) + T(outside));
      theta -= m == T(0) ? T(0) : step;
    }
  };
  /// The rule's loops, compiled for this processor; for Elementwise.
  static const detail::RuleLoops<Adam>& compiled_loops();
};

extern template class Grouped<AdamOptions>;
extern template class Elementwise<Adam, AdamOptions>;

}  // namespace ravine::optim
