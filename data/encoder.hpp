/// @file
/// From the columns of a table to what a network takes, and back to the target's units: learned once, kept with the
/// model.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include <ravine/core/state_dict.hpp>
#include <ravine/data/dataset.hpp>
#include <ravine/data/table.hpp>

namespace ravine::data {

/// As StandardScaler does, as MinMaxScaler does, or not at all.
enum class Scaling { standard, min_max, none };

/// What stands in for a missing number; for missing text it is the most frequent, but with `refuse`. Of values that are
/// equally frequent the first in sorted order counts.
enum class Filling { mean, median, most_frequent, refuse };

/// A column of 0 and 1 for each category; or one with its position, for an embedding: `x.slice(1, k, k + 1).to(i64)`.
enum class Categories { one_hot, codes };

/// What becomes of a category that was not there to be learned: an error, or 0 in every column of a one-hot. Codes then
/// begin with 1, and 0 is any category that is not known.
enum class Unknown { refuse, zeros };

struct TableEncoderOptions {
  Names target = {};                    ///< what is predicted: columns of numbers, or one of classes; none: inputs only
  Names drop = {};                      ///< columns that are not used
  Names categorical = {};               ///< columns of numbers that name things, as text does; such a target is classes
  Scaling scaling = Scaling::standard;  ///< of the inputs' numbers
  Scaling target_scaling = Scaling::standard;  ///< of a target of numbers
  Filling filling = Filling::mean;             ///< of missing inputs
  bool indicator = false;  ///< one more input, 1 where the value is missing, for columns that lack some in `fit`
  Categories categories = Categories::one_hot;
  Unknown unknown = Unknown::refuse;
};

}  // namespace ravine::data

namespace ravine::detail {

/// What an encoder knows of a column.
struct EncodedColumn {
  enum class Kind { number, one_hot, codes, classes };

  std::string name;
  Kind kind = Kind::number;
  bool numeric = true;                                     // in the table it was learned from
  double offset = 0.0, scale = 1.0;                        // a number x becomes (x - offset) / scale
  double fill = std::numeric_limits<double>::quiet_NaN();  // a number or a category's position; NaN: refuse
  bool indicator = false;                                  // a column that is 1 where the value is missing
  bool zeros = false;                                      // of a category that is not known, else refuse
  std::vector<std::string> categories;                     // sorted; none of a number

  Index width() const;
};

}  // namespace ravine::detail

namespace ravine::data {

/// Learns from a table which columns are numbers and which categories, how they are scaled and what is missing, and
/// makes tensors of it and of any other table that has these columns, in whatever order and among others.
///
///     const auto encoder = TableEncoder::fit(train, {.target = "mpg", .drop = "name"});
///     DataLoader loader(encoder.dataset(train), {.batch_size = 32, .shuffle = true});
///     …
///     Tensor mpg = encoder.targets_in_units(net(encoder.inputs(table)).value());
///
/// Everything is learned from the rows that `fit` is given, those with a target. `save_checkpoint` keeps it.
/// Errors about a value are FormatError, with file, line and column.
class TableEncoder {
 public:
  /// Knows nothing yet; `load_state_dict` brings it all.
  TableEncoder() = default;

  /// Throws std::out_of_range for a name that is no column; std::invalid_argument for a column that is both target and
  /// dropped, or has no value at all, or spans more than f64 can hold, or would be more than 1000 columns of 0 and 1
  /// while most categories come once; if no input or no row with a target is left; and for a target of classes that is
  /// not the only one. Throws FormatError for an infinite number, for a missing value
  /// if they are refused, and for one or two words in a column of otherwise many numbers, which is not `categorical`.
  static TableEncoder fit(const Table& table, const TableEncoderOptions& options = {});

  /// (rows, features) f32. The table needs no target. Throws std::out_of_range if a column is not there; FormatError
  /// for text in a column of numbers, a category that is not known, a missing value if they are refused, and a number
  /// that is beyond f32 when scaled; std::logic_error before `fit`.
  Tensor inputs(const Table& table) const;
  /// Inputs and targets of the rows that have a target, of all if none was asked for. Targets are (rows, targets) f32,
  /// scaled; classes (rows) i64; without a target (rows, 0). Throws as `inputs`, and FormatError for a class that is
  /// not known.
  TensorDataset dataset(const Table& table) const;

  /// Predicted numbers (rows, targets) in the units of the table. Throws ShapeError; DTypeError unless f32 or f64;
  /// std::logic_error if there is no target of numbers.
  Tensor targets_in_units(const Tensor& predictions) const;
  /// The classes in the order of their numbers; none unless the target is classes.
  const std::vector<std::string>& class_names() const;

  /// What the columns of `inputs` are: "weight", "horsepower missing", "origin=Japan".
  std::vector<std::string> feature_names() const;
  std::vector<std::string> target_names() const;
  /// For each column what is learned: what it is, what stands in for a missing value, and what it becomes.
  std::string describe() const;

  /// Everything, as tensors, one element for each column, inputs before targets; texts are u8, each with a zero byte
  /// behind it: "names", "kinds", "categories" of all columns with how many each has in "category_counts", "offset",
  /// "scale", "fill", and the flags "target", "numeric", "indicator", "zeros". "version" tells layouts apart.
  StateDict state_dict() const;
  /// Takes over such a state, whatever was known before; that of an encoder without `fit` undoes it. Throws
  /// std::invalid_argument, before anything is changed, if it is that of something else, damaged, or of a newer ravine.
  void load_state_dict(const StateDict& state);

 private:
  Tensor targets(const Table& table) const;
  bool classifies() const;

  std::vector<detail::EncodedColumn> inputs_, targets_;
};

}  // namespace ravine::data
