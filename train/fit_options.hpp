/// @file
/// How `fit` trains.
#pragma once

#include <string>
#include <vector>

#include <ravine/data/loader.hpp>
#include <ravine/optim/ema.hpp>
#include <ravine/optim/schedule.hpp>
#include <ravine/train/callback.hpp>
#include <ravine/train/loss.hpp>

namespace ravine::train {

struct FitOptions {
  Index epochs = 0;  ///< over when so many epochs are,
  Index steps = 0;   ///< or so many updates, whichever comes first; 0: no such limit. One there must be

  data::DataLoader* validation = nullptr;  ///< the model predicts these, in evaluation, after each epoch
  std::vector<Metric> metrics = {};        ///< measured beside the loss
  std::string monitor = "val_loss";        ///< the column of the history that tells the best epoch: where it is lowest,
  bool maximize = false;                   ///< or highest
  bool keep_best = true;                   ///< if there is that column, the model ends as it was after its best epoch,
                                           ///< of a run that throws as well
  Index patience = 0;                      ///< over after so many epochs without a new best; 0: never

  optim::Schedule schedule = {};            ///< the factor of the learning rate after so many updates of this run
  Index accumulate = 1;                     ///< batches that make one update
  optim::WeightAverage* average = nullptr;  ///< updated after each step; validation and the best model use it

  std::string checkpoint = "";       ///< a file that keeps the run: `fit` goes on from it, if it is there
  Index checkpoint_steps = 0;        ///< written after every so many updates; 0: not by their number
  double checkpoint_minutes = 10.0;  ///< and so many minutes after the last time; 0: not by the clock
  bool stop_on_signals = false;  ///< SIGINT, SIGTERM or SIGHUP ends the run after the step; a second one acts as before

  std::vector<Callback*> callbacks = {};  ///< called in this order

  /// The history's columns. Throws std::invalid_argument if two are of one name.
  std::vector<std::string> columns() const;
  /// Throws std::invalid_argument for an option out of its range, no limit, or a `monitor` that is needed and not
  /// there.
  void check() const;
};

}  // namespace ravine::train
