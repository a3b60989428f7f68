/// @file
/// Muon.
#pragma once

#include <optional>

#include <ravine/optim/adam.hpp>
#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

/// How long Muon's steps are for a matrix of n by m: times √max(1, n/m), or times 0.2 √max(n, m).
enum class MuonScale { spectral, rms };

struct MuonOptions {
  double lr = 1e-3;           ///< step size α, > 0
  double momentum = 0.95;     ///< decay μ of the mean of gradients, in [0, 1)
  bool nesterov = true;       ///< mix the present gradient in once more
  Index ns_steps = 5;         ///< iterations of Newton–Schulz, 0 to 99
  double eps = 1e-7;          ///< ε, >= 0
  double weight_decay = 0.1;  ///< λ, >= 0, decoupled: subtracts α λ θ
  MuonScale scale = MuonScale::spectral;
  std::optional<AdamWOptions> vectors = AdamWOptions{};  ///< AdamW's, for parameters of fewer than 2 dimensions

  static void fields(auto&& field) {
    field("lr", &MuonOptions::lr, positive);
    field("momentum", &MuonOptions::momentum, below_one);
    field("nesterov", &MuonOptions::nesterov);
    field("ns_steps", &MuonOptions::ns_steps, up_to_99);
    field("eps", &MuonOptions::eps, non_negative);
    field("weight_decay", &MuonOptions::weight_decay, non_negative);
    field("scale", &MuonOptions::scale, {"spectral", "rms"});
    field("vectors", &MuonOptions::vectors, {"none", "adamw"});
  }

  static constexpr Range up_to_99{0.0, 99.0, true, true, "in [0, 99]"};
};

/// Momentum with steps that are nearly orthogonal matrices; for a matrix G of n by m, outputs by inputs,
///
///     M ← μ M + (1 - μ) G        B = μ M + (1 - μ) G with nesterov, else M        X = B / max(‖B‖, ε)
///     ns_steps times A = X Xᵀ, X ← a X + (b A + c A²) X with (a, b, c) = (3.4445, -4.7750, 2.0315)
///     θ ← θ - α λ θ - α k X        k = √max(1, n/m) (spectral) or 0.2 √max(n, m) (rms)
///
/// X has singular values of about 0.7 to 1.2, not 1. A parameter of more dimensions is the matrix of its first by all
/// others; one of fewer is given to AdamW with `vectors`, and refused without them. A NaN goes everywhere in its
/// parameter. The slot is "momentum", M; for what AdamW has, "m" and "v".
///
/// Source: Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024); rms: Liu et al., Muon is
/// scalable for LLM training (2025). PyTorch iterates in bfloat16, to 3 digits.
class Muon final : public Parameterwise<Muon, MuonOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "Muon";
  static constexpr bool slow = true;
  static detail::Kept keeps(const MuonOptions& o, const Variable& p);
  static void change(const MuonOptions& o, Now now, const Variable& p, std::span<Tensor> kept);
};

}  // namespace ravine::optim
