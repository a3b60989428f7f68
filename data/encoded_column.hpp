/// @file
/// What learning and encoding of columns share; for the library's sources, not its public headers.
#pragma once

#include <ravine/data/encoder.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The rows in which none of these columns lacks its value.
data::Table rows_with(const data::Table& table, const std::vector<std::string>& names);
[[noreturn]] void refuse_missing(const data::Table& table, Index row, const std::string& name);

}  // namespace ravine::detail
#pragma GCC visibility pop
