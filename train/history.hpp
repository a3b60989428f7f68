/// @file
/// What a training has been like, as numbers.
#pragma once

#include <string>
#include <vector>

#include <ravine/core/state_dict.hpp>
#include <ravine/data/table.hpp>

namespace ravine::train {

/// Named numbers of each epoch: those of `fit`, or of a loop of one's own.
///
///     plot.line(history.column("epoch"), history.column("val_loss"), "validation");
///     data::write_csv("history.csv", history.table());
class History {
 public:
  explicit History(std::vector<std::string> names) : names_(std::move(names)) {}

  const std::vector<std::string>& names() const { return names_; }
  Index epochs() const { return static_cast<Index>(rows_.size()); }
  /// One for each name. Throws std::out_of_range.
  const std::vector<double>& row(Index epoch) const { return rows_.at(static_cast<std::size_t>(epoch)); }
  /// (epochs) f64. Throws std::out_of_range, with the names there are.
  Tensor column(const std::string& name) const;
  /// A row for each epoch, a column for each name.
  data::Table table() const;

  /// After each epoch. Throws std::invalid_argument unless there is a number for each name.
  void add(std::vector<double> row);

  /// The columns by their names, (epochs) f64.
  StateDict state_dict() const;
  /// Throws std::invalid_argument, before anything changes, unless there is a column for each name, all of one length.
  void load_state_dict(const StateDict& state);

 private:
  std::vector<std::string> names_;
  std::vector<std::vector<double>> rows_;
};

/// Why a run of `fit` is over: it has done its epochs or steps, nothing better has come for `patience` epochs, a
/// callback asked for it, or a signal.
enum class Stopped { finished, patience, callback, signal };

/// The history of a run of `fit`, and how it ended.
struct FitResult : History {
  using History::History;
  Index best_epoch = 0;  ///< from 1; 0 if none can be told
  Stopped stopped = Stopped::finished;
};

}  // namespace ravine::train
