/// @file
/// CSV files: reading tables, writing tables and tensors.
#pragma once

#include <string>
#include <vector>

#include <ravine/data/table.hpp>

namespace ravine::data {

struct CsvOptions {
  char separator = ',';  ///< between fields; a tab for TSV
  bool header = true;    ///< the first line names the columns; without one they are "0", "1", …
  char quote = '"';      ///< around fields that hold separators, line ends or (doubled) quotes
  /// Fields that mean "no value", compared without the spaces around them.
  std::vector<std::string> missing = {"", "NA", "N/A", "NaN", "nan", "null"};
};

/// Reads a CSV file (RFC 4180; UTF-8, with or without byte order mark; lines end in LF, CRLF or CR; plain or gzip).
///
/// A column is numeric if every field that is not missing is a number, else it is text. Empty lines at the end do not
/// count. A column without a name in the header gets its number, "0", "1", …
/// Throws FileError if the file cannot be read; FormatError, with the line, for an empty file, a row with more or fewer
/// fields than the first line, a quoted field that is not closed or goes on after its closing quote, and a name that
/// two columns have; std::invalid_argument if separator and quote are the same or a line end.
Table read_csv(const std::string& path, const CsvOptions& options = {});

/// Writes a table as CSV with a header; missing values become empty fields. `read_csv` reads the same values back.
/// Throws FileError if the file cannot be written.
void write_csv(const std::string& path, const Table& table);

/// Writes a tensor (rows, columns), or (rows) as one column, of any type, under these column names; NaN becomes an
/// empty field. Throws FileError; ShapeError unless there is one name for each column.
void write_csv(const std::string& path, const Names& names, const Tensor& values);

}  // namespace ravine::data
