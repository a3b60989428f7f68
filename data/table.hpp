/// @file
/// Tables: named columns of numbers or text, some values missing, as CSV files hold them.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ravine/core/tensor.hpp>
#include <ravine/data/dataset.hpp>

namespace ravine::detail {
class Texts;
}

namespace ravine::data {

/// The different values of a column, sorted, and each row's position among them.
struct Categorical {
  Tensor codes;  ///< (rows) i64, -1 where the value is missing
  std::vector<std::string> categories;
};

/// One column of a table: numbers or text.
struct Column {
  /// Of numbers, (rows) f64, NaN where missing; or of text, (rows) i64 positions in a list of categories, -1 where
  /// missing. Throws DTypeError; ShapeError, std::out_of_range for such positions.
  Column(std::string name, Tensor values, const std::vector<std::string>& categories = {});
  /// For readers.
  Column(std::string name, std::shared_ptr<const detail::Texts> texts);

  std::string name;
  Tensor values;  ///< numbers, (rows) f64, NaN where missing; undefined if the column holds text
  std::shared_ptr<const detail::Texts> texts;  ///< null if it holds numbers
  char decimal = '.';                          ///< in text that stands for numbers
  char thousands = '\0';                       ///< there as well; none if 0
  std::string remark = {};  ///< on how it was read, for `describe`; text of numbers that stays text has one

  bool numeric() const { return texts == nullptr; }
  Index rows() const;
  bool missing(Index row) const;
  /// How many values are missing.
  Index missing() const;
};

/// One column name, or several in braces.
class Names {
 public:
  Names(const char* name);
  Names(std::string name);
  Names(std::initializer_list<std::string> names);
  Names(std::vector<std::string> names);

  const std::vector<std::string>& list() const { return names_; }

 private:
  std::vector<std::string> names_;
};

/// A table as a value: every operation returns a new one. Rows remember the line of the file they come from, so that an
/// error can name it.
///
/// Whatever takes the name of a column throws std::out_of_range, listing the columns there are, if none has it.
class Table {
 public:
  /// For readers. `lines` (rows) i64 are the rows' lines in the file, `remark` is for `describe`. Throws
  /// std::invalid_argument if two columns have one name, ShapeError if the numbers of rows differ.
  Table(std::string file, std::vector<Column> columns, Tensor lines, std::string remark = {});
  // In the source, so that programs do not compile them.
  Table(const Table&);
  Table(Table&&) noexcept;
  Table& operator=(const Table&);
  Table& operator=(Table&&) noexcept;
  ~Table();

  Index rows() const { return lines_.size(0); }
  Index columns() const { return static_cast<Index>(columns_.size()); }
  std::vector<std::string> column_names() const;
  bool has(const std::string& name) const;
  /// A column as it is kept.
  const Column& at(const std::string& name) const;
  /// True if every value of the column that is not missing is a number.
  bool numeric(const std::string& name) const { return at(name).numeric(); }

  /// A column's numbers, (rows) f64, NaN where missing. Throws FormatError, with the line, if it holds other text.
  Tensor column(const std::string& name) const;
  /// A column's values as text, "" where missing.
  std::vector<std::string> text(const std::string& name) const;
  /// A column's different values, sorted: numbers by size, text by its bytes.
  std::vector<std::string> categories(const std::string& name) const;
  /// Each row's position in `categories(name)`, (rows) i64, -1 where missing: class indices for a classifier.
  Tensor codes(const std::string& name) const;

  /// Without this column, or these.
  Table drop_column(const Names& names) const;
  /// These columns only, in this order.
  Table select(const Names& names) const;
  /// With a column of these numbers, (rows) of any type, in the place of the one of this name, or behind all: what is
  /// computed from others, predictions. Throws ShapeError.
  Table with_column(const std::string& name, const Tensor& values) const;
  /// The rows at these positions (i64). Columns of text stay so, with the categories that occur. Throws as
  /// `index_select`.
  Table take(const Tensor& positions) const;
  /// Without the rows in which any value is missing; a column of text is then numeric if all that is left are numbers.
  Table drop_missing() const;
  /// Missing numbers replaced by their column's mean, missing text by the most frequent (of equals the first in sorted
  /// order). The statistics are those of all rows: split first if test rows must not tell. Throws
  /// std::invalid_argument for a column without any value.
  Table fill_missing() const;
  /// Missing values of one column replaced. Throws std::invalid_argument if the column holds the other kind of value.
  Table fill_missing(const std::string& name, double value) const;
  Table fill_missing(const std::string& name, const std::string& value) const;
  /// In the column's place, one of 0 and 1 for each of its different values, sorted: "origin=Europe", "origin=Japan".
  /// They are missing where the value was.
  Table one_hot(const std::string& name) const;

  /// Where a value comes from, for messages: "cars.csv, line 7, column 'origin'".
  std::string place(Index row, const std::string& name) const;

  /// What the table holds, as text: for each column the numbers of values and missing values, then mean, standard
  /// deviation (of the sample), minimum and maximum, or the categories with their frequencies.
  std::string describe() const;

  /// All values, (rows, columns). Throws FormatError, with file, line and column, for text and for a missing value.
  Tensor to_tensor(DType dtype = f32) const;
  /// Inputs (rows, the other columns in order) f32, and targets: numbers, (rows, targets) f32; or the classes of one
  /// column of text, (rows) i64 as `codes(target)` gives them, by the names that `categories(target)` lists. Throws as
  /// `to_tensor`, and so for a missing class and for a target of numbers but for a word or two, unless its type was
  /// said to be text; std::invalid_argument if no column is left for the inputs.
  TensorDataset to_dataset(const Names& targets) const;

 private:
  void require_numbers(const Column& column) const;
  Table replaced(Column column) const;
  std::string place(Index row, const Column& column) const;
  Tensor class_targets(const Column& column) const;
  std::string odd_words(const Column& column) const;

  std::string file_;
  std::vector<Column> columns_;
  Tensor lines_;
  std::string remark_;
};

}  // namespace ravine::data
