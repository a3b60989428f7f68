/// @file
/// Building and reading single columns; for the library's sources, not its public headers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ravine/data/number.hpp>
#include <ravine/data/table.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// True if a reader takes these texts, all of a column's, for numbers: they are, and not identifiers.
bool read_as_numbers(const std::vector<std::string>& texts, const NumberFormat& format);
/// The same column as numbers, if it is a text column of nothing else, without a remark.
data::Column numeric_if_possible(const data::Column& column);

/// The same column with its different numbers as categories, if it is numeric.
data::Column categorical(const data::Column& column);

/// The value in a row as text; "" if it is missing.
std::string cell(const data::Column& column, Index row);

/// The categories of a text column that are no numbers, by their positions.
std::vector<Index> words(const data::Column& column);

/// How many rows hold each category of a text column.
std::vector<Index> frequencies(const data::Column& column);

/// The same column with its rows at these positions only (i64); the categories are those that occur.
data::Column take_rows(const data::Column& column, const Tensor& rows);

/// The same text column with its missing values replaced.
data::Column replace_missing(const data::Column& column, std::string_view value);

}  // namespace ravine::detail
#pragma GCC visibility pop
