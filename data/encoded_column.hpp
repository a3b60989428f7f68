/// @file
/// What learning and encoding of columns share; for the library's sources, not its public headers.
#pragma once

#include <ravine/data/encoder.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The rows in which none of these columns lacks its value.
data::Table rows_with(const data::Table& table, const std::vector<std::string>& names);
/// A column's numbers, NaN where missing, also where they are text in this table, since they would name things if
/// nothing else were known (007), or words stand in other rows. Throws FormatError for words.
Tensor numbers_of(const data::Table& table, const std::string& name);
/// The first of these names, each in quotes such as "'", for a message.
std::string listed(const std::vector<std::string>& names, const char* quote);
[[noreturn]] void refuse_missing(const data::Table& table, Index row, const std::string& name);

}  // namespace ravine::detail
#pragma GCC visibility pop
