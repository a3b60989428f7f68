/// @file
/// From the text of a CSV file to columns; for the library's sources, not its public headers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <ravine/data/csv_text.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

struct CsvColumnPlan {
  std::string name;
  std::optional<data::ColumnType> type = {};  ///< what it must hold, if that has been said
};

struct CsvColumns {
  std::vector<data::Column> columns;
  Tensor lines;  ///< (rows) i64: the line in which each begins
};

/// Reads all records of a text, on as many threads as there are. Throws FormatError.
CsvColumns read_csv_columns(const CsvFormat& format, const std::string& path, const CsvPart& text,
                            const std::vector<CsvColumnPlan>& plans);

}  // namespace ravine::detail
#pragma GCC visibility pop
