/// @file
/// The history of a training as a file that grows with it.
#pragma once

#include <string>

#include <ravine/train/callback.hpp>

namespace ravine::train {

/// Writes a row for each epoch as soon as it is over, to a .csv file with a header or a .jsonl file of one JSON object
/// a line, whichever the path ends in. A number that is NaN is an empty field in CSV; in JSON what is not finite is
/// null. `fit` that starts anew replaces the file; one that goes on from a checkpoint first gives it the rows that the
/// checkpoint has: whenever it was killed, each epoch is there once.
///
///     train::Log log("history.csv");
///     fit(model, adam, nn::mse_loss, loader, {.epochs = 60, .callbacks = {&log}});
class Log final : public Callback {
 public:
  /// Throws std::invalid_argument for another ending.
  explicit Log(std::string path);

  /// Throw FileError if the file cannot be written.
  void on_begin(Run& run) override;
  void on_epoch(Run& run) override;
  void on_end(Run& run) override;

 private:
  std::string rows(const History& history);

  std::string path_;
  bool json_;
  Index written_ = 0;  // rows
};

}  // namespace ravine::train
