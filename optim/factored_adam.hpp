/// @file
/// Adam without momentum whose second moments take n + m numbers for a matrix of n m.
#pragma once

#include <array>

#include <ravine/optim/parameterwise.hpp>

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
class FactoredAdam final : public Parameterwise<FactoredAdam, FactoredAdamOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char *name = "FactoredAdam", *key = "factored_adam";
  static detail::Kept keeps(const FactoredAdamOptions& o, const Variable& p);
  static void change(const FactoredAdamOptions& o, Now now, const Variable& p, std::span<Tensor> kept);

  /// G², added to its column's sum.
  struct Squares {
    template <class T>
    [[gnu::always_inline]] std::array<T, 1> operator()(T /*x*/, T g, T& column) const {
      column += g * g;
      return {g * g};
    }
  };
  /// X ← X - α G / (√V̂ + ε), with √V̂ that of the row times that of the column.
  struct Step {
    double row, lr, eps;
    template <class T>
    [[gnu::always_inline]] void operator()(T& x, T g, T column) const {
      const T step = T(lr) * g / (T(row) * column + T(eps));
      x -= g == T(0) ? T(0) : step;
    }
  };
  using Passes = detail::PassList<Squares, Step>;
};

}  // namespace ravine::optim
