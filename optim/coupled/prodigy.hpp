/// @file
/// Prodigy.
#pragma once

#include <optional>

#include <ravine/optim/adam.hpp>
#include <ravine/optim/coupled.hpp>

namespace ravine::optim {

struct ProdigyOptions {
  double lr = 1.0;                ///< factor α of the rate that is found, > 0
  double beta1 = 0.9;             ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.999;           ///< decay of the mean of their squares, in [0, 1)
  std::optional<double> beta3{};  ///< decay of r and s, in [0, 1); none: √beta2
  double eps = 1e-8;              ///< ε, >= 0
  double d0 = 1e-6;               ///< the first estimate of d, > 0
  double d_coef = 1.0;            ///< factor of the estimate, > 0
  double weight_decay = 0.0;      ///< λ, >= 0, decoupled: subtracts q λ θ
  bool safeguard_warmup = false;  ///< keep the rate out of s

  static void fields(auto&& field) {
    field("lr", &ProdigyOptions::lr, positive);
    field("beta1", &ProdigyOptions::beta1, below_one);
    field("beta2", &ProdigyOptions::beta2, below_one);
    field("beta3", &ProdigyOptions::beta3, below_one);
    field("eps", &ProdigyOptions::eps, non_negative);
    field("d0", &ProdigyOptions::d0, positive);
    field("d_coef", &ProdigyOptions::d_coef, positive);
    field("weight_decay", &ProdigyOptions::weight_decay, non_negative);
    field("safeguard_warmup", &ProdigyOptions::safeguard_warmup);
  }
};

/// Adam that finds its own rate: d estimates, from below, how far the solution is from θ₀, where the optimizer began.
/// In update t = 1, 2, …, with c = √(1 - β2^t) / (1 - β1^t), q = d α c, and products and norms over all parameters,
///
///     r ← β3 r + d/d0 q ⟨g, θ₀ - θ⟩        m ← β1 m + (1 - β1) d g        v ← β2 v + (1 - β2) d² g²
///     s ← β3 s + d/d0 (q, or d with safeguard_warmup) g
///     d' = max(d, d_coef r / ‖s‖₁)        θ ← θ - q (m / (√v + d' ε) + λ θ)        d ← d'
///
/// α is meant to stay 1, and d never falls, so d0 is to be small. A NaN goes everywhere. The slots are "s", "start",
/// θ₀, "m" and "v"; "d" and "r" are those of all parameters.
///
/// Source: Mishchenko & Defazio, Prodigy: an expeditiously adaptive parameter-free learner (2023); as in optax.
class Prodigy final : public Coupled<Prodigy, ProdigyOptions> {
 public:
  using Coupled::Coupled;
  static constexpr const char* name = "Prodigy";
  static constexpr std::array slots = {"s", "start", "m", "v"};
  static bool starts_at_parameter(std::size_t slot) { return slot == 1; }
  static std::array<double, 2> gather(const ProdigyOptions& o, DistanceNow now, const Variable& p,
                                      std::span<Tensor> slots);
  static double keep(const ProdigyOptions& o);
  static double estimate(const ProdigyOptions& o, double r, double size_of_s);
  static void change(const ProdigyOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots);

  /// s ← keep s + gain g; g (θ₀ - θ) and |s|.
  struct Sums {
    double keep, gain;
    template <class T>
    [[gnu::always_inline]] std::array<T, 2> operator()(T theta, T g, T& s, T start) const {
      s = T(keep) * s + T(gain) * g;
      return {g * (start - theta), math::abs(s)};
    }
  };
  /// AdamW with d g for the gradient.
  struct Step {
    AdamW::Rule adamw;
    double d;
    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m, T& v) const {
      adamw(theta, T(d) * g, m, v);
    }
  };
  using Passes = detail::PassList<Sums, Step>;
};

}  // namespace ravine::optim
