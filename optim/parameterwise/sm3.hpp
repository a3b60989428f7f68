/// @file
/// SM3.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <type_traits>

#include <ravine/core/math.hpp>
#include <ravine/optim/parameterwise.hpp>

namespace ravine::optim {

struct SM3Options {
  double lr = 0.1;        ///< step size α, > 0
  double momentum = 0.9;  ///< decay of the mean of scaled gradients, in [0, 1)
  double eps = 1e-8;      ///< ε, >= 0

  static void fields(auto&& field) {
    field("lr", &SM3Options::lr, positive);
    field("momentum", &SM3Options::momentum, below_one);
    field("eps", &SM3Options::eps, non_negative);
  }
};

/// AdaGrad whose sums are kept for the slices of a parameter: for each dimension i a vector μ_i of its size, zeros at
/// first,
///
///     ν = g² + min_i μ_i        μ_i(j) ← the largest ν in slice j of dimension i        U = g / √(ν + ε)
///     m ← β m + (1 - β) U        θ ← θ - α m
///
/// with momentum for β; where ν is 0, so is U. A NaN reaches the elements that share a slice with it in each dimension.
/// The slots are "momentum", m, not kept for β = 0, and "d0", "d1", …, μ_i.
///
/// Source: Anil et al., Memory-efficient adaptive optimization (2019), SM3-II, which has no ε; ε as in optax.
class SM3 final : public Parameterwise<SM3, SM3Options> {
 public:
  using Parameterwise::Parameterwise;
  static constexpr const char* name = "SM3";
  static detail::Kept keeps(const SM3Options& o, const Variable& p);
  static void change(const SM3Options& o, Now now, const Variable& p, std::span<Tensor> kept);

  /// An update of one element, with the least μ_i of its row in the other dimensions; `next` becomes the largest ν of
  /// its column, and the largest of all is returned.
  struct Step {
    double momentum, lr, eps, least;

    /// The larger of two numbers that are not negative, or NaN if one is: as bits, NaN is larger than infinity.
    template <class T>
    [[gnu::always_inline]] static T join(T a, T b) {
      using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
      const Bits x = std::bit_cast<Bits>(a), y = std::bit_cast<Bits>(b);
      return std::bit_cast<T>(x > y ? x : y);
    }
    template <class T>
    [[gnu::always_inline]] std::array<T, 1> operator()(T& theta, T g, T mu, T& next, T& m) const {
      const T nu = g * g + (mu < T(least) || mu != mu ? mu : T(least)), scaled = g / math::sqrt(nu + T(eps));
      m = T(momentum) * m + T(1.0 - momentum) * (g == T(0) ? g : scaled);
      theta -= T(lr) * m;
      next = join(next, nu);
      return {nu};
    }
  };
  using Passes = detail::PassList<Step>;
};

}  // namespace ravine::optim
