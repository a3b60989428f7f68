/// @file
/// Texts that others will read; for the library's sources, not its public headers.
#pragma once

#include <string>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// A text with U+FFFD in place of bytes that are not UTF-8, as names in other encodings have them.
std::string valid_utf8(const std::string& text);

}  // namespace ravine::detail
#pragma GCC visibility pop
