/// @file
/// Numbers that are given to tensors and read from them.
#pragma once

#include <limits>
#include <utility>

#include <ravine/core/dtype.hpp>

namespace ravine {
namespace detail {

[[noreturn]] void refuse_unsigned(std::uint64_t value);  // DTypeError: no tensor holds it

/// The number in another type, whatever it is: rounded to a floating type; for an integer one truncated towards zero,
/// the nearest limit if it does not fit, and 0 for NaN.
template <class To, class From>
constexpr To convert(From value) {
  constexpr auto low = std::numeric_limits<To>::lowest(), high = std::numeric_limits<To>::max();
  if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_integral_v<To> && std::is_floating_point_v<From>) {
    if (value != value) return To{};
    if (value <= static_cast<From>(low)) return low;
    if (value >= static_cast<From>(high)) return high;
  } else if constexpr (std::is_integral_v<To>) {
    if (std::cmp_less(value, low)) return low;
    if (std::cmp_greater(value, high)) return high;
  }
  return static_cast<To>(value);
}

}  // namespace detail

/// A number: an integer, kept exactly, or a floating one. In an expression with a tensor it takes the tensor's type,
/// rounded once, and only an integer fits an integer tensor.
class Scalar {
 public:
  /// Throws DTypeError for an unsigned integer of 2^63 and more.
  template <class T>
  requires std::is_arithmetic_v<T> Scalar(T value) : integral_(std::is_integral_v<T>) {
    if constexpr (std::is_floating_point_v<T>) {
      floating_ = static_cast<double>(value);
    } else {
      if constexpr (std::is_unsigned_v<T> && sizeof(T) >= sizeof(Index))
        if (value > std::uint64_t{std::numeric_limits<Index>::max()}) detail::refuse_unsigned(value);
      integer_ = static_cast<Index>(value);
    }
  }

  bool integral() const { return integral_; }
  /// In type T: rounded to a floating type; for an integer one truncated towards zero, the nearest limit if it does not
  /// fit, and 0 for NaN.
  template <class T>
  T to() const {
    return integral_ ? detail::convert<T>(integer_) : detail::convert<T>(floating_);
  }
  double value() const { return to<double>(); }

 private:
  union {
    Index integer_;
    double floating_;
  };
  bool integral_;
};

}  // namespace ravine
