/// @file
/// Gradient descent, with momentum in two forms and Nesterov's in two more.
#pragma once

#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

/// What momentum keeps: a sum of gradients b, scaled by the present rate, or a velocity v of steps taken.
enum class MomentumForm { accumulator, velocity };

/// Where Nesterov's momentum takes the gradient: ahead of the parameters, which needs a closure, or at parameters that
/// are kept ahead themselves.
enum class Nesterov { none, lookahead, reparam };

struct SGDOptions {
  double lr = 0.01;                               ///< step size α, > 0
  double momentum = 0.0;                          ///< μ or ρ, in [0, 1); 0: none, and no memory for it
  MomentumForm form = MomentumForm::accumulator;  ///< equal for a constant rate: v = -α b
  Nesterov nesterov = Nesterov::none;             ///< needs momentum
  double dampening = 0.0;                         ///< τ, in [0, 1); plain momentum of the accumulator form only
  double weight_decay = 0.0;                      ///< λ, >= 0: adds λ θ to the gradient, where that was taken

  static void fields(auto&& field) {
    field("lr", &SGDOptions::lr, positive);
    field("momentum", &SGDOptions::momentum, below_one);
    field("form", &SGDOptions::form, {"accumulator", "velocity"});
    field("nesterov", &SGDOptions::nesterov, {"none", "lookahead", "reparam"});
    field("dampening", &SGDOptions::dampening, below_one);
    field("weight_decay", &SGDOptions::weight_decay, non_negative);
  }
  const char* conflict() const;
};

/// Stochastic gradient descent. The batch makes it full-batch, single-example or mini-batch descent.
///
///     plain                     θ ← θ - α g
///     accumulator               b ← μ b + (1 - τ) g        θ ← θ - α b
///     velocity                  v ← ρ v - α g              θ ← θ + v
///     accumulator, look-ahead   as accumulator, with g taken at θ - α μ b
///     velocity, look-ahead      as velocity, with g taken at θ + ρ v
///     accumulator, reparam      b ← μ b + g                θ ← θ - α (g + μ b)
///     velocity, reparam         v ← ρ v - α g              θ ← θ + ρ v - α g
///
/// The slot "momentum" is b or v, 0 at the start; another initial velocity goes in through `load_state_dict`. When the
/// rate changes, the velocity form keeps for each gradient the rate it came with, the accumulator form applies today's
/// to the whole sum. In the reparam forms the parameters hold φ = θ + ρ v, the point look-ahead evaluates (so v is not
/// to be loaded without moving them), and map back by θ = φ - ρ v; a loss is that of φ.
///
/// Source: the lectures; Polyak (1964); Nesterov (1983); Sutskever et al. (2013) for velocity and look-ahead.
class SGD final : public Elementwise<SGD, SGDOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "SGD";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"momentum"};
  static bool uses(const SGDOptions& options, std::size_t /*slot*/) { return options.momentum > 0.0; }

  /// All forms are one, with coefficients: d = g + λ (θ + ahead m), m ← keep m + gain d, θ ← θ + drift m + direct d.
  struct Rule {
    double decay, ahead, keep, gain, drift, direct;
    Rule(const SGDOptions& o, double lr, Index /*t*/) : decay(o.weight_decay), keep(o.momentum) {
      const bool velocity = o.form == MomentumForm::velocity;
      // m is b, to be scaled by -α, or v, which is scaled already.
      const double scale = velocity ? 1.0 : -lr;
      gain = velocity ? -lr : 1.0 - o.dampening;
      ahead = o.nesterov == Nesterov::lookahead ? scale * o.momentum : 0.0;
      drift = o.nesterov == Nesterov::reparam ? scale * o.momentum : scale;
      direct = o.nesterov == Nesterov::reparam ? -lr : 0.0;
    }

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& m) const {
      const T d = g + T(decay) * (theta + T(ahead) * m);
      m = T(keep) * m + T(gain) * d;
      theta += T(drift) * m + T(direct) * d;
    }
  };

  bool needs_closure() const override;

 private:
  double advance(Closure closure) override;

  std::vector<Tensor> saved_;  // the parameters, while look-ahead has moved them
};

extern template class Grouped<SGDOptions>;
extern template class Elementwise<SGD, SGDOptions>;

}  // namespace ravine::optim
