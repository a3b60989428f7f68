/// @file
/// Adam without momentum whose second moments take n + m numbers for a matrix of n m.
#pragma once

#include <ravine/optim/groups.hpp>

namespace ravine::optim {

struct FactoredAdamOptions {
  double lr = 0.01;      ///< step size α, > 0
  double beta2 = 0.999;  ///< decay of the means of squared gradients, in [0, 1)
  double eps = 1e-8;     ///< ε, >= 0

  static void fields(auto&& field) {
    field("lr", &FactoredAdamOptions::lr, positive);
    field("beta2", &FactoredAdamOptions::beta2, below_one);
    field("eps", &FactoredAdamOptions::eps, non_negative);
  }
};

/// Adam with β1 = 0 and factored second moments, in update t = 1, 2, …, for a parameter X of n rows and m columns:
///
///     R ← β2 R + (1 - β2) (sums of the rows of G²)         C ← β2 C + (1 - β2) (sums of the columns of G²)
///     V̂ = R Cᵀ / ΣR / (1 - β2^t)                           X ← X - α G / (√V̂ + ε)
///
/// The slots are "rows", R, and "columns", C. A parameter of more dimensions is the matrix of its first by all others;
/// one of fewer keeps all its second moments, as "v". Where G is 0, X stays: with ε = 0, 0/0 counts as 0. (A gradient
/// so small that its square vanishes still gives infinity then.)
///
/// Source: the lectures (deck A, Algorithm 2); Shazeer & Stern, Adafactor (2018).
class FactoredAdam final : public Grouped<FactoredAdamOptions> {
 public:
  static constexpr const char *name = "FactoredAdam", *key = "factored_adam";
  /// Throws std::invalid_argument for options out of range, and as Optimizer.
  explicit FactoredAdam(std::vector<Variable> params, FactoredAdamOptions options = {});
  /// Groups that differ in their options. Throws std::invalid_argument for a group without parameters as well.
  explicit FactoredAdam(const std::vector<ParamGroup<FactoredAdamOptions>>& groups);

 private:
  void make_state();
  void update() override;
};

}  // namespace ravine::optim
