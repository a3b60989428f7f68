/// @file
/// Shampoo.
#pragma once

#include <ravine/optim/elementwise/weight_decay.hpp>
#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

struct ShampooOptions {
  double lr = 0.1;            ///< step size α, > 0
  double eps = 1e-6;          ///< ε, > 0: the statistics start with ε I
  double weight_decay = 0.0;  ///< λ, >= 0
  WeightDecay decay = WeightDecay::l2;

  static void fields(auto&& field) {
    field("lr", &ShampooOptions::lr, positive);
    field("eps", &ShampooOptions::eps, positive);
    field("weight_decay", &ShampooOptions::weight_decay, non_negative);
    field("decay", &ShampooOptions::decay, {"l2", "times_lr"});
  }
};

/// AdaGrad with matrices: for each dimension i, of size n_i, of a parameter with k of them, with G_(i) the gradient as
/// a matrix of that dimension by all others,
///
///     S_i ← S_i + G_(i) G_(i)ᵀ        U = G, multiplied along every dimension i by S_i^(-1/(2k))        θ ← θ - α U
///
/// So U = L^(-1/4) G R^(-1/4) for a matrix and S^(-1/2) g for a vector or one number. The powers are those of
/// eigenvalues, worked out in double precision in each update, in time n_i³. A NaN goes everywhere in its parameter.
/// The slots are "s0", "s1", …, S_i.
///
/// Source: Gupta, Koren & Singer, Shampoo: Preconditioned stochastic tensor optimization (2018).
class Shampoo final : public Parameterwise<Shampoo, ShampooOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "Shampoo";
  static constexpr bool slow = true;
  static detail::Kept keeps(const ShampooOptions& o, const Variable& p);
  static void change(const ShampooOptions& o, Now now, const Variable& p, std::span<Tensor> kept);
};

}  // namespace ravine::optim
