/// @file
/// Adam and its relatives: AdamW, AdaBelief, NAdam.
#pragma once

#include <ravine/core/math.hpp>
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

/// What decoupled weight decay subtracts from θ in a step.
enum class Decay {
  times_lr,  ///< α λ θ: what most libraries do
  plain,     ///< λ θ, as the lectures do: a falling rate leaves it as it is, and 0.01 is a lot
};

struct AdamWOptions {
  double lr = 1e-3;            ///< step size α, > 0
  double beta1 = 0.9;          ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;        ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-8;           ///< ε, >= 0
  double weight_decay = 0.01;  ///< λ, >= 0
  Decay decay = Decay::times_lr;
  bool eps_inside = false;      ///< ε under the root
  bool bias_correction = true;  ///< divide out that both means start at 0

  static void fields(auto&& field) {
    field("lr", &AdamWOptions::lr, positive);
    field("beta1", &AdamWOptions::beta1, below_one);
    field("beta2", &AdamWOptions::beta2, below_one);
    field("eps", &AdamWOptions::eps, non_negative);
    field("weight_decay", &AdamWOptions::weight_decay, non_negative);
    field("decay", &AdamWOptions::decay, {"times_lr", "plain"});
    field("eps_inside", &AdamWOptions::eps_inside);
    field("bias_correction", &AdamWOptions::bias_correction);
  }
};

struct AdaBeliefOptions {
  double lr = 1e-3;              ///< step size α, > 0
  double beta1 = 0.9;            ///< decay of the mean of gradients, in (0, 1): with 0 every belief would be 0
  double beta2 = 0.999;          ///< decay of the mean of squared surprises, in [0, 1)
  double eps = 1e-8;             ///< ε, >= 0
  bool eps_in_variance = false;  ///< adds ε to v in each step as well, as the paper does
  double weight_decay = 0.0;     ///< λ, >= 0, decoupled
  Decay decay = Decay::times_lr;
  bool eps_inside = false;      ///< ε under the root
  bool bias_correction = true;  ///< divide out that both means start at 0

  static void fields(auto&& field) {
    field("lr", &AdaBeliefOptions::lr, positive);
    field("beta1", &AdaBeliefOptions::beta1, inside_one);
    field("beta2", &AdaBeliefOptions::beta2, below_one);
    field("eps", &AdaBeliefOptions::eps, non_negative);
    field("eps_in_variance", &AdaBeliefOptions::eps_in_variance);
    field("weight_decay", &AdaBeliefOptions::weight_decay, non_negative);
    field("decay", &AdaBeliefOptions::decay, {"times_lr", "plain"});
    field("eps_inside", &AdaBeliefOptions::eps_inside);
    field("bias_correction", &AdaBeliefOptions::bias_correction);
  }
};

struct NAdamOptions {
  double lr = 2e-3;               ///< step size α, > 0
  double beta1 = 0.9;             ///< decay of the mean of gradients once warmed up, in [0, 1)
  double beta2 = 0.999;           ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-8;              ///< ε, >= 0
  double momentum_decay = 0.004;  ///< ψ, >= 0: how fast the momentum warms up
  double weight_decay = 0.0;      ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &NAdamOptions::lr, positive);
    field("beta1", &NAdamOptions::beta1, below_one);
    field("beta2", &NAdamOptions::beta2, below_one);
    field("eps", &NAdamOptions::eps, non_negative);
    field("momentum_decay", &NAdamOptions::momentum_decay, non_negative);
    field("weight_decay", &NAdamOptions::weight_decay, non_negative);
  }
};

}  // namespace ravine::optim

namespace ravine::detail {

/// The step that the family shares: α m̂ / (√v̂ + ε), or α m̂ / √(v̂ + ε). Where m is 0 it is 0, also for ε = 0.
struct AdamStep {
  double rate = 0.0;                   // α / (1 - β1^t)
  double scale = 1.0;                  // 1 / (1 - β2^t)
  double inside = 0.0, outside = 0.0;  // ε, where it belongs

  AdamStep(double lr, double beta1, double beta2, Index t, double eps, bool eps_inside, bool bias_correction)
      : rate(lr), inside(eps_inside ? eps : 0.0), outside(eps_inside ? 0.0 : eps) {
    if (!bias_correction) return;
    rate /= 1.0 - math::pow(beta1, static_cast<double>(t));
    scale /= 1.0 - math::pow(beta2, static_cast<double>(t));
  }

  template <class T>
  [[gnu::always_inline]] T operator()(T m, T v) const {
    const T step = T(rate) * m / (math::sqrt(T(scale) * v + T(inside)) + T(outside));
    return m == T(0) ? T(0) : step;
  }
};

/// What others have of Adam: m and v, and from them the step.
struct AdamMoments {
  double beta1, beta2;
  AdamStep step;
  AdamMoments(const auto& o, double lr, Index t)
      : beta1(o.beta1), beta2(o.beta2), step(lr, o.beta1, o.beta2, t, o.eps, false, true) {}

  template <class T>
  [[gnu::always_inline]] void renew(T g, T& m, T& v) const {
    m = T(beta1) * m + T(1.0 - beta1) * g;
    v = T(beta2) * v + T(1.0 - beta2) * g * g;
  }
};

inline double decay_factor(double weight_decay, optim::Decay decay, double lr) {
  return decay == optim::Decay::plain ? weight_decay : lr * weight_decay;
}

/// μ_1 … μ_t / β1^t, the product of 1 - ½ q^i for q = 0.96^ψ. Its logarithm, expanded in powers of ½ and summed over i
/// first, has terms that more than halve: as exact as a product of t factors, and no slower in the millionth step.
inline double warm_up_product(double momentum_decay, double t) {
  const double log_q = momentum_decay * math::log(0.96);
  double log_product = 0.0, half = 1.0;
  for (int k = 1; k <= 55; ++k) {
    half *= 0.5;
    const double x = k * log_q;
    const double powers = x == 0.0 ? t : math::exp(x) * math::expm1(x * t) / math::expm1(x);  // q^k + q^2k + … + q^tk
    const double term = half / k * powers;
    log_product -= term;
    if (term < 1e-18 * t || log_product < -800.0) break;
  }
  return math::exp(log_product);
}

}  // namespace ravine::detail

namespace ravine::optim {

/// Adam, in update t = 1, 2, …:
///
///     m ← β1 m + (1 - β1) g                  m̂ = m / (1 - β1^t)
///     v ← β2 v + (1 - β2) g²                 v̂ = v / (1 - β2^t)
///     θ ← θ - α m̂ / (√v̂ + ε)                 or, with eps_inside, θ - α m̂ / √(v̂ + ε)
///
/// Without bias correction m̂ = m and v̂ = v. Where m is 0, θ stays: with ε = 0, 0/0 counts as 0. (A gradient so small
/// that its square vanishes still gives infinity then.) The slots are "m" and "v"; one whose β is 0 is not kept.
///
/// In f32 the square of a single gradient above 6e20 is infinite with these options, and so is v from then on: θ stays
/// where it is, without a word, as in PyTorch. Clip gradients that may be so large.
///
/// Source: the lectures; Kingma & Ba, Adam (2015), Algorithm 1, whose options are the defaults.
class Adam final : public Elementwise<Adam, AdamOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Adam";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const AdamOptions& o, std::size_t slot) { return (slot == 0 ? o.beta1 : o.beta2) > 0.0; }

  struct Rule {
    double beta1, beta2, decay;
    detail::AdamStep step;
    Rule(const AdamOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          decay(o.weight_decay),
          step(lr, o.beta1, o.beta2, t, o.eps, o.eps_inside, o.bias_correction) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      g += T(decay) * theta;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      theta -= step(m, v);
    }
  };
};

/// Adam with decoupled weight decay: m and v see the loss's gradient only, and the old θ is what decays,
///
///     θ ← θ - α m̂ / (√v̂ + ε) - α λ θ        or, with Decay::plain, - λ θ
///
/// Source: the lectures (plain); Loshchilov & Hutter, Decoupled weight decay regularization (2019).
class AdamW final : public Elementwise<AdamW, AdamWOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AdamW";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const AdamWOptions& o, std::size_t slot) { return (slot == 0 ? o.beta1 : o.beta2) > 0.0; }

  struct Rule {
    double beta1, beta2, decay;
    detail::AdamStep step;
    Rule(const AdamWOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          decay(detail::decay_factor(o.weight_decay, o.decay, lr)),
          step(lr, o.beta1, o.beta2, t, o.eps, o.eps_inside, o.bias_correction) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      theta -= step(m, v) + T(decay) * theta;
    }
  };
};

/// Adam with the size of the step set by how far a gradient is from its mean so far, the new m before correction:
///
///     v ← β2 v + (1 - β2) (g - m)²  (+ ε, with eps_in_variance)
///
/// and all else as in AdamW. Constant gradients make v vanish and steps grow towards α m̂ / ε.
///
/// Source: the lectures; Zhuang et al., AdaBelief optimizer (2020), which adds ε to v.
class AdaBelief final : public Elementwise<AdaBelief, AdaBeliefOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "AdaBelief";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const AdaBeliefOptions& o, std::size_t slot) { return slot == 0 || o.beta2 > 0.0; }

  struct Rule {
    double beta1, beta2, decay, floor;
    detail::AdamStep step;
    Rule(const AdaBeliefOptions& o, double lr, Index t)
        : beta1(o.beta1),
          beta2(o.beta2),
          decay(detail::decay_factor(o.weight_decay, o.decay, lr)),
          floor(o.eps_in_variance ? o.eps : 0.0),
          step(lr, o.beta1, o.beta2, t, o.eps, o.eps_inside, o.bias_correction) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      m = T(beta1) * m + T(1.0 - beta1) * g;
      const T surprise = g - m;
      v = T(beta2) * v + T(1.0 - beta2) * surprise * surprise + T(floor);
      theta -= step(m, v) + T(decay) * theta;
    }
  };
};

/// Adam with Nesterov's momentum, which warms up: in update t, with μ_t = β1 (1 - ½ 0.96^(t ψ)) and Π_t = μ_1 … μ_t,
///
///     m and v as Adam's
///     m̂ = μ_{t+1} m / (1 - Π_{t+1}) + (1 - μ_t) g / (1 - Π_t)
///     θ ← θ - α m̂ / (√v̂ + ε)
///
/// Source: Dozat, Incorporating Nesterov momentum into Adam (2016), with the schedule given there.
class NAdam final : public Elementwise<NAdam, NAdamOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "NAdam";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"m", "v"};
  static bool uses(const NAdamOptions& o, std::size_t slot) { return (slot == 0 ? o.beta1 : o.beta2) > 0.0; }

  struct Rule {
    double beta1, beta2, decay;
    double of_mean, of_gradient;  // the weights of m and g in m̂
    detail::AdamStep step;
    Rule(const NAdamOptions& o, double lr, Index t)
        : beta1(o.beta1), beta2(o.beta2), decay(o.weight_decay), step(lr, 0.0, o.beta2, t, o.eps, false, true) {
      const auto i = static_cast<double>(t);
      const double mu = momentum(o, i), next_mu = momentum(o, i + 1.0);
      const double product = math::pow(o.beta1, i) * detail::warm_up_product(o.momentum_decay, i);
      of_mean = next_mu / (1.0 - product * next_mu);
      of_gradient = (1.0 - mu) / (1.0 - product);
    }
    static double momentum(const NAdamOptions& o, double t) {
      return o.beta1 * (1.0 - 0.5 * math::pow(0.96, t * o.momentum_decay));
    }

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      g += T(decay) * theta;
      m = T(beta1) * m + T(1.0 - beta1) * g;
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      theta -= step(T(of_mean) * m + T(of_gradient) * g, v);
    }
  };
};

extern template class Grouped<AdamOptions>;
extern template class Elementwise<Adam, AdamOptions>;
extern template class Grouped<AdamWOptions>;
extern template class Elementwise<AdamW, AdamWOptions>;
extern template class Grouped<AdaBeliefOptions>;
extern template class Elementwise<AdaBelief, AdaBeliefOptions>;
extern template class Grouped<NAdamOptions>;
extern template class Elementwise<NAdam, NAdamOptions>;

}  // namespace ravine::optim
