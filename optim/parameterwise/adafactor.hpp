/// @file
/// Adafactor.
#pragma once

#include <array>

#include <ravine/core/math.hpp>
#include <ravine/optim/elementwise/weight_decay.hpp>
#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

struct AdafactorOptions {
  double lr = 0.01;           ///< step size α, > 0
  double decay_power = 0.8;   ///< how fast the memory of squares grows, >= 0
  double eps = 1e-30;         ///< ε, >= 0
  double eps_scale = 1e-3;    ///< least size that a parameter counts as, >= 0
  double clip = 1.0;          ///< largest root mean square of U, >= 1
  double weight_decay = 0.0;  ///< λ, >= 0, decoupled: subtracts α λ θ

  static void fields(auto&& field) {
    field("lr", &AdafactorOptions::lr, positive);
    field("decay_power", &AdafactorOptions::decay_power, non_negative);
    field("eps", &AdafactorOptions::eps, non_negative);
    field("eps_scale", &AdafactorOptions::eps_scale, non_negative);
    field("clip", &AdafactorOptions::clip, at_least_one);
    field("weight_decay", &AdafactorOptions::weight_decay, non_negative);
  }
};

/// Steps in proportion to the size of the parameter, with second moments that take n + m numbers for a matrix of n m;
/// in update t = 1, 2, …, with β2 = 1 - t^-decay_power, rms(x) = ‖x‖ / √(number of elements) and θ before it decays,
///
///     R ← β2 R + (1 - β2) (means of the rows of G²)        C ← β2 C + (1 - β2) (means of the columns of G²)
///     V = R Cᵀ / max(mean of R, ε)        U = G / √max(V, ε²)        U ← U / max(1, rms(U) / clip)
///     θ ← θ - α λ θ - max(eps_scale, rms(θ)) min(α, 1/√t) U
///
/// A parameter of more dimensions is the matrix of its first by all others; one of fewer keeps all of V. Where G is 0,
/// so is U. A NaN goes everywhere in its parameter. The slots are "rows", R, and "columns", C, or "v", V.
///
/// Source: Shazeer & Stern, Adafactor (2018); this form is PyTorch's.
class Adafactor final : public Parameterwise<Adafactor, AdafactorOptions> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "Adafactor";
  static detail::Kept keeps(const AdafactorOptions& o, const Variable& p);
  static void change(const AdafactorOptions& o, Now now, const Variable& p, std::span<Tensor> kept);

  /// G², added to its column's sum, and θ².
  struct Squares {
    template <class T>
    [[gnu::always_inline]] std::array<T, 2> operator()(T theta, T g, T& column) const {
      column += g * g;
      return {g * g, theta * theta};
    }
  };
  /// U² of U = g min(1/√V, most), with 1/√V the row's number times the column's.
  struct Length {
    double row, most;
    template <class T>
    [[gnu::always_inline]] T scaled(T g, T column) const {
      const T by = T(row) * column;
      return g == T(0) ? g : g * (by > T(most) ? T(most) : by);
    }
    template <class T>
    [[gnu::always_inline]] std::array<T, 1> operator()(T /*theta*/, T g, T column) const {
      const T u = scaled(g, column);
      return {u * u};
    }
  };
  /// Of what is no matrix: V up to date; θ² and U².
  struct VectorSums {
    double beta2, eps;
    template <class T>
    [[gnu::always_inline]] T scaled(T g, T v) const {
      const T u = g / detail::larger(T(eps), math::sqrt(v));
      return g == T(0) ? g : u;
    }
    template <class T>
    [[gnu::always_inline]] std::array<T, 2> operator()(T theta, T g, T& v) const {
      v = T(beta2) * v + T(1.0 - beta2) * g * g;
      const T u = scaled(g, v);
      return {theta * theta, u * u};
    }
  };
  /// θ ← θ - rate U - decay θ.
  template <class Of>
  struct Step {
    Of of;
    double rate, decay;
    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T v) const {
      theta -= T(rate) * of.scaled(g, v) + T(decay) * theta;
    }
  };
  using Passes = detail::PassList<Squares, Length, Step<Length>, VectorSums, Step<VectorSums>>;
};

}  // namespace ravine::optim
