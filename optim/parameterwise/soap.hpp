/// @file
/// SOAP.
#pragma once

#include <optional>

#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

struct SOAPOptions {
  double lr = 3e-3;                      ///< step size α, > 0
  double beta1 = 0.95;                   ///< decay of the mean of gradients, in [0, 1)
  double beta2 = 0.95;                   ///< decay of the mean of their squares, in [0, 1)
  std::optional<double> shampoo_beta{};  ///< decay of L and R, in [0, 1); none: beta2
  double eps = 1e-8;                     ///< ε, >= 0
  double weight_decay = 0.01;            ///< λ, >= 0: the new θ loses α λ of itself
  Index interval = 10;                   ///< updates between two turns of the basis, > 0
  bool bias_correction = true;           ///< divide out that both means start at 0

  static void fields(auto&& field) {
    field("lr", &SOAPOptions::lr, positive);
    field("beta1", &SOAPOptions::beta1, below_one);
    field("beta2", &SOAPOptions::beta2, below_one);
    field("shampoo_beta", &SOAPOptions::shampoo_beta, below_one);
    field("eps", &SOAPOptions::eps, non_negative);
    field("weight_decay", &SOAPOptions::weight_decay, non_negative);
    field("interval", &SOAPOptions::interval, positive);
    field("bias_correction", &SOAPOptions::bias_correction);
  }
};

/// Adam in the eigenbasis of Shampoo's matrices; for a matrix G of n by m, in update t = 1, 2, …, with β =
/// shampoo_beta,
///
///     t = 1    L = (1 - β) G Gᵀ, R = (1 - β) Gᵀ G, and Q_L, Q_R their eigenvectors, of the largest eigenvalue first
///     t > 1    m ← β1 m + (1 - β1) G        v ← β2 v + (1 - β2) (Q_Lᵀ G Q_R)²
///              U = Q_L (Q_Lᵀ m Q_R / (√v + ε)) Q_Rᵀ        c = √(1 - β2^(t-1)) / (1 - β1^(t-1)), or 1
///              θ ← θ - α c U        θ ← (1 - α λ) θ        L ← β L + (1 - β) G Gᵀ        R ← β R + (1 - β) Gᵀ G
///              every interval updates Q_L ← the orthonormal factor of L Q_L, with its columns in the order of QᵀLQ,
///              the largest first, and v's rows with them; Q_R likewise
///
/// A vector is the same with Q = 1. A parameter of more dimensions is the matrix of its first by all others. The first
/// update moves nothing, so on full data the second gradient is the first again, whose QᵀGQ is diagonal but for
/// rounding: a small ε magnifies that. A NaN goes everywhere in its parameter. The slots are "m", "v", "l", "r", "ql"
/// and "qr".
///
/// Source: Vyas et al., SOAP: Improving and stabilizing Shampoo using Adam (2024).
class SOAP final : public Parameterwise<SOAP, SOAPOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "SOAP";
  static constexpr bool slow = true;
  static detail::Kept keeps(const SOAPOptions& o, const Variable& p);
  static void change(const SOAPOptions& o, Now now, const Variable& p, std::span<Tensor> kept);
};

}  // namespace ravine::optim
