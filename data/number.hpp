/// @file
/// Reading numbers, the same in every locale; for the library's sources, not its public headers.
#pragma once

#include <optional>
#include <string_view>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// How numbers are written.
struct NumberFormat {
  char decimal = '.';
  char thousands = '\0';  ///< between groups of three digits; none if 0
};

/// A number as it was written.
struct Number {
  double value = 0.0;
  bool integer = false;        ///< digits, perhaps with a sign, and nothing else
  bool leading_zeros = false;  ///< an integer as 007
  bool inexact = false;        ///< an integer beyond 2^53, which f64 may not hold exactly
  bool out_of_range = false;   ///< for f64, so that `value` is infinite or zero
};

/// The field without the spaces and tabs around it.
std::string_view trim(std::string_view field);

/// Reads the number of digits that stands at `at`, to the nearest f64; returns what is behind it, nullptr if there is
/// none. Separators of thousands end it.
const char* read_number(const char* at, const char* end, char decimal, Number& number);

/// The number a field holds, spaces around it allowed: "3", "-2.5", "+1e-3", "inf", "nan". Nothing if it holds anything
/// else.
std::optional<Number> parse_number(std::string_view field, const NumberFormat& format = {});

}  // namespace ravine::detail
#pragma GCC visibility pop
