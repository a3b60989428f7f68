/// @file
/// SAM: any optimizer, with the gradient taken where the loss is worst nearby.
#pragma once

#include <memory>

#include <ravine/optim/wrapping.hpp>

namespace ravine::optim {

struct SAMOptions {
  double rho = 0.05;  ///< radius ρ of the neighbourhood, >= 0
  double p = 2.0;     ///< norm in which it is measured, from 1 to infinity

  static void fields(auto&& field) {
    field("rho", &SAMOptions::rho, non_negative);
    field("p", &SAMOptions::p, norm_order);
  }
};

/// Sharpness-aware minimization of max_{‖e‖_p ≤ ρ} L(w + e), with 1/p + 1/q = 1:
///
///     g = ∇L(w)        e = ρ sign(g) |g|^(q-1) / (‖g‖_q^q)^(1/p)        h = ∇L(w + e)
///
/// and a step of the base optimizer at w with h. So e = ρ g / ‖g‖ for p = 2, ρ sign(g) for p = infinity; for p = 1 only
/// the first element of the largest |g| moves. The norm is over all parameters together; where g = 0, so is e.
///
/// Needs a closure, which is evaluated twice, with the same random numbers and the modules' running statistics updated
/// once (see Reevaluation); it must use the same examples both times. Gradient callbacks of SAM run on g and on h,
/// those of the base on h. A weight decay of the base is that of w: the lectures' λ ‖w‖² is weight_decay = 2 λ.
/// SAM's rate factor is the base's. The state is that of the base under "base." and SAM's own.
///
/// Source: the lectures (objective); Foret et al., Sharpness-aware minimization (2021).
class SAM final : public Wrapping<SAMOptions> {
 public:
  static constexpr const char* name = "SAM";
  /// Throws std::invalid_argument for options out of range, for no base and for one that needs a closure itself.
  explicit SAM(std::unique_ptr<Optimizer> base, SAMOptions options = {});

  bool needs_closure() const override { return true; }

  /// The base's.
  std::vector<Tensor> averages() const override { return base().averages(); }

 private:
  double advance(Closure closure) override;
  void check_base(const Optimizer& base) const override;
  void update() override;
  /// w ← w + e(w)
  void perturb() const;

  std::vector<Tensor> saved_;  // w, while the parameters are w + e
};

}  // namespace ravine::optim
