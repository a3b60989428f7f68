/// @file
/// D-Adaptation of Adam.
#pragma once

#include <ravine/optim/coupled.hpp>

namespace ravine::optim {

struct DAdaptAdamOptions {
  double lr = 1.0;            ///< factor α of the rate that is found, > 0
  double beta1 = 0.9;         ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;       ///< decay of the mean of their squares, in [0, 1)
  double eps = 1e-8;          ///< ε, >= 0
  double d0 = 1e-6;           ///< the first estimate of d, > 0
  double weight_decay = 0.0;  ///< λ, >= 0, decoupled: subtracts q λ θ

  static void fields(auto&& field) {
    field("lr", &DAdaptAdamOptions::lr, positive);
    field("beta1", &DAdaptAdamOptions::beta1, below_one);
    field("beta2", &DAdaptAdamOptions::beta2, below_one);
    field("eps", &DAdaptAdamOptions::eps, non_negative);
    field("d0", &DAdaptAdamOptions::d0, positive);
    field("weight_decay", &DAdaptAdamOptions::weight_decay, non_negative);
  }
};

/// Adam that finds its own rate: d estimates, from below, how far the solution is from where the optimizer began. In
/// update t = 1, 2, …, with b = √β2, c = √(1 - β2^t) / (1 - β1^t), q = d α c, and products and norms over all
/// parameters,
///
///     p = ⟨g, s / (√v + ε)⟩        m ← β1 m + (1 - β1) q g        v ← β2 v + (1 - β2) g²
///     s ← b s + (1 - b) q g        r ← b r + (1 - b) q p
///     d ← max(d, r / ((1 - b) ‖s‖₁))        θ ← θ - m / (√v + ε) - q λ θ
///
/// m carries the rate, so old gradients keep theirs; d never falls, so d0 is to be small. A NaN goes everywhere. The
/// slots are "s", "v" and "m"; "d" and "r" are those of all parameters.
///
/// Source: Defazio & Mishchenko, Learning-rate-free learning by D-Adaptation (2023); as in optax.
class DAdaptAdam final : public Coupled<DAdaptAdam, DAdaptAdamOptions> {
 public:
  using Coupled::Coupled;
  static constexpr const char* name = "DAdaptAdam";
  static constexpr const char* key = "dadapt_adam";
  static constexpr std::array slots = {"s", "v", "m"};
  static bool starts_at_parameter(std::size_t /*slot*/) { return false; }
  static std::array<double, 2> gather(const DAdaptAdamOptions& o, DistanceNow now, const Variable& p,
                                      std::span<Tensor> slots);
  static double keep(const DAdaptAdamOptions& o);
  static double estimate(const DAdaptAdamOptions& o, double r, double size_of_s);
  static void change(const DAdaptAdamOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots);

  /// g s / (√v + ε) with the old s; s ← keep s + gain g; |s|.
  struct Sums {
    double keep, gain, eps;
    template <class T>
    [[gnu::always_inline]] std::array<T, 2> operator()(T /*theta*/, T g, T& s, T v) const {
      const T scaled = s / (math::sqrt(v) + T(eps)), along = g * (s == T(0) ? T(0) : scaled);
      s = T(keep) * s + T(gain) * g;
      return {along, math::abs(s)};
    }
  };
  /// A step by m, which has the rate q in it.
  struct Step {
    double beta1, beta2, eps, q, decay;
    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& v, T& m) const {
      m = T(beta1) * m + T(1.0 - beta1) * (T(q) * g);
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      const T step = m / (math::sqrt(v) + T(eps));
      theta -= (m == T(0) ? T(0) : step) + T(decay) * theta;
    }
  };
  using Passes = detail::PassList<Sums, Step>;
};

}  // namespace ravine::optim
