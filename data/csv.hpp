/// @file
/// CSV files: reading tables, writing tables and tensors.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <ravine/data/table.hpp>

namespace ravine::data {

/// As a separator: any run of spaces and tabs, also around a line.
inline constexpr char csv_spaces = '\1';
/// As a separator: what a first line "sep=;" says, or a tab, ';', '|', ',' or csv_spaces, the first of which the first
/// lines have equally many, but not none. Beside ';' numbers then have a decimal comma, if some have and none a point.
inline constexpr char csv_guess = '\2';

enum class ColumnType { number, text };

struct CsvOptions {
  char separator = ',';  ///< between fields; a tab for TSV
  /// Whether the first line names the columns; without one they are "0", "1", … By default it does unless all its
  /// fields are numbers (or words for missing ones, but not empty).
  std::optional<bool> header = {};
  char quote = '"';  ///< around fields that hold separators, line ends or (doubled) quotes
  /// Fields that mean "no value", in quotes or not: those of pandas, and "?".
  std::vector<std::string> missing = {"",     "?",    "#N/A",   "#N/A N/A", "#NA",  "-1.#IND", "-1.#QNAN",
                                      "-NaN", "-nan", "1.#IND", "1.#QNAN",  "<NA>", "N/A",     "NA",
                                      "NULL", "NaN",  "None",   "n/a",      "nan",  "null"};
  /// What columns hold, by name. Of the others those hold text that have a field which is no number, and those of
  /// integers only of which one is beyond 2^53, where numbers are no longer exact, or has leading zeros: identifiers.
  std::map<std::string, ColumnType> types = {};
  char decimal = '.';     ///< in numbers: ',' for 2,5
  char thousands = '\0';  ///< in numbers: '.' for 1.234.567; none by default
  char comment = '\0';    ///< lines that begin with it do not count; none by default
  Index skip_lines = 0;   ///< at the start of the file, which do not count
  Index skip_footer = 0;  ///< lines at the end, empty ones aside, which do not count
};

/// Reads a CSV file (RFC 4180; UTF-8, with or without byte order mark; lines end in LF, CRLF or CR; plain or gzip).
///
/// Spaces and tabs around fields do not count, but within quotes. Empty lines do not count either; in a table of one
/// column, below the header, they are missing values. A column without a name gets its number, "0", "1", …, or, where
/// another one has that name, "Unnamed: 0". Numbers beyond the range of f64 are infinite or zero. What was decided on
/// the way, and why, is in the table's `describe()`. Throws FileError if the file cannot be read; FormatError, with the
/// line, for an empty file, UTF-16, a row with more or fewer fields than the first line, a quoted field that is not
/// closed or goes on after its closing quote, a name that two columns have, and text in a column whose type is
/// `number`, and a first line "sep=;", as spreadsheets write it, of another separator; std::invalid_argument for
/// characters that stand for two things; std::out_of_range if `types` names a column that is not there.
Table read_csv(const std::string& path, const CsvOptions& options);
Table read_csv(const std::string& path);  ///< by the default options

/// Writes a table as CSV, packed as gzip does if the name ends in .gz, complete or not at all. `read_csv` with the same
/// options reads the same values back.
/// Throws FileError if the file cannot be written; std::invalid_argument, before anything is written, where these
/// options would read another value: text that means "no value", text of numbers only whose type is not `text`.
void write_csv(const std::string& path, const Table& table, const CsvOptions& options = {});

/// Writes a tensor (rows, columns), or (rows) as one column, of any type, under these column names; NaN becomes an
/// empty field. Throws FileError; ShapeError unless there is one name for each column.
void write_csv(const std::string& path, const Names& names, const Tensor& values, const CsvOptions& options = {});

}  // namespace ravine::data
