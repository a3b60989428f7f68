/// @file
/// Reading numbers, the same in every locale; for the library's sources, not its public headers.
#pragma once

#include <optional>
#include <string_view>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The field without the spaces and tabs around it.
std::string_view trim(std::string_view field);

/// The number a field holds, spaces around it allowed: "3", "-2.5", "+1e-3", "inf". Nothing if it holds anything else,
/// or a number beyond the range of double.
std::optional<double> parse_number(std::string_view field);

}  // namespace ravine::detail
#pragma GCC visibility pop
