/// @file
/// Reading single columns, and making new ones of them; for the library's sources, not its public headers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <ravine/data/number.hpp>
#include <ravine/data/texts.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// True if a reader takes the texts of a column for numbers: they are, and not identifiers.
bool read_as_numbers(const Texts& texts, const NumberFormat& format);
/// The numbers of a column, NaN where missing, also where they are text; undefined if there is other text.
Tensor numbers_if_all(const data::Column& column);
/// The same column as numbers, if it is a text column of nothing else, without a remark.
data::Column numeric_if_possible(const data::Column& column);

/// Its different values, numbers by size.
std::shared_ptr<const data::Categorical> categorical(const data::Column& column);

/// The value in a row as text; "" if it is missing.
std::string cell(const data::Column& column, Index row);

/// A value as it stands in a line of ours: control characters as "\x0a", and of one of more bytes its start.
std::string shown(std::string_view value, std::size_t most = 40);

/// The categories of a text column that are no numbers, by their positions.
std::vector<Index> words(const data::Column& column);

/// How many rows hold each category.
std::vector<Index> frequencies(const data::Categorical& values);

/// The same column with its rows at these positions only (i64).
data::Column take_rows(const data::Column& column, const Tensor& rows);

/// The same text column with its missing values replaced.
data::Column replace_missing(const data::Column& column, std::string_view value);

}  // namespace ravine::detail
#pragma GCC visibility pop
