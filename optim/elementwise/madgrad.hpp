/// @file
/// MADGRAD.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include <ravine/core/math.hpp>
#include <ravine/optim/elementwise.hpp>

namespace ravine::optim {

struct MADGRADOptions {
  double lr = 0.01;           ///< step size α, > 0
  double momentum = 0.9;      ///< share μ of the old θ, in [0, 1)
  double eps = 1e-6;          ///< ε, >= 0
  double weight_decay = 0.0;  ///< λ, >= 0: adds λ θ to the gradient

  static void fields(auto&& field) {
    field("lr", &MADGRADOptions::lr, positive);
    field("momentum", &MADGRADOptions::momentum, below_one);
    field("eps", &MADGRADOptions::eps, non_negative);
    field("weight_decay", &MADGRADOptions::weight_decay, non_negative);
  }
};

}  // namespace ravine::optim

namespace ravine::detail {

/// Within 4 % of ∛x, x > 0 and normal: a third of the exponent, and of the fraction behind it.
[[gnu::always_inline]] inline float near_cube_root(float x) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) / 3 + 709958130U);
}
[[gnu::always_inline]] inline double near_cube_root(double x) {
  const std::uint64_t third = (std::bit_cast<std::uint64_t>(x) >> 32U) * 0x55555556U >> 32U;
  return std::bit_cast<double>((third + 715094163U) << 32U);
}

/// ∛x within 1 ulp, in steps of Halley that vectorise, unlike std::cbrt.
template <class T>
[[gnu::always_inline]] inline T cube_root(T x) {
  const T size = x < T(0) ? -x : x;
  const bool subnormal = size < std::numeric_limits<T>::min();
  const T a = subnormal ? size * T(0x1p54) : size;
  T y = near_cube_root(a);
  for (int i = 0; i < (sizeof(T) == 4 ? 2 : 3); ++i) {
    const T q = a / (y * y);
    y += y * (q - y) / (y + y + q);
  }
  y = subnormal ? y * T(0x1p-18) : y;
  y = x < T(0) ? -y : y;
  return x - x == T(0) && x != T(0) ? y : x;  // 0, infinity and NaN stay
}

}  // namespace ravine::detail

namespace ravine::optim {

/// Dual averaging with cube roots: every step starts from θ₀, where the optimizer began. In update t = 1, 2, …, with
/// w = (α + ε) √t, or 0 at a rate of 0,
///
///     v ← v + w g²        s ← s + w g        z = θ₀ - s / (∛v + ε)        θ ← μ θ + (1 - μ) z
///
/// Where s is 0, z is θ₀. The slots are "squares", v, "sum", s, and "start", θ₀.
///
/// Source: Defazio & Jelassi, Adaptivity without compromise (2021), whose c is 1 - μ.
class MADGRAD final : public Elementwise<MADGRAD, MADGRADOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "MADGRAD";
  static constexpr bool built_in = true;
  static constexpr std::array slots = {"squares", "sum", "start"};
  static bool starts_at_parameter(std::size_t slot) { return slot == 2; }

  struct Rule {
    double weight, momentum, eps, decay;
    Rule(const MADGRADOptions& o, double lr, Index t)
        : weight(lr > 0.0 ? (lr + o.eps) * math::sqrt(static_cast<double>(t)) : 0.0),
          momentum(o.momentum),
          eps(o.eps),
          decay(o.weight_decay) {}

    template <class T>
    [[gnu::always_inline]] void operator()(T& theta, T g, T& v, T& s, T start) const {
      g += T(decay) * theta;
      v += T(weight) * g * g;
      s += T(weight) * g;
      const T step = s / (detail::cube_root(v) + T(eps));
      theta = T(momentum) * theta + T(1.0 - momentum) * (start - (s == T(0) ? T(0) : step));
    }
  };
};

}  // namespace ravine::optim
