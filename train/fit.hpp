/// @file
/// The training loop, with what a run of days needs.
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
  bool keep_best = true;                   ///< if there is that column, the model ends as it was after its best epoch
  Index patience = 0;                      ///< over after so many epochs without a new best; 0: never

  optim::Schedule schedule = {};  ///< the factor of the learning rate after so many updates of this run
  Index accumulate = 1;           ///< batches that make one update
  optim::ExponentialMovingAverage* average =
      nullptr;  ///< updated after each step; validation and the best model use it

  std::string checkpoint = "";       ///< a file that keeps the run: `fit` goes on from it, if it is there
  Index checkpoint_steps = 0;        ///< written after every so many updates; 0: not by their number
  double checkpoint_minutes = 10.0;  ///< and so many minutes after the last time; 0: not by the clock
  bool stop_on_signals = false;      ///< SIGINT and SIGTERM end the run after the step; a second one acts as before

  std::vector<Callback*> callbacks = {};  ///< called in this order
};

/// Trains a model: for each batch of the loader the optimizer makes a step that lowers loss(model(inputs), targets).
/// It is the loop that one would write,
///
///     for (const auto& batch : loader) optimizer.step([&] { return loss(model(batch.inputs), batch.targets); });
///
/// to the bit, and serves every optimizer. Gradients are clipped by `optimizer.on_gradients`.
///
/// The history has a row for each epoch: "epoch", "step" (updates so far), "loss", the metrics, and with validation
/// "val_loss" and "val_…" of each metric. Losses are means over examples, in training as they came, before each step;
/// so are metrics in training. In validation a metric sees the predictions of all examples at once. The last epoch may
/// be one that `steps` or a callback cut short; one that a signal cuts short has no row.
///
/// `accumulate` batches make the update that one batch of all their examples would (where the loss is their mean, and
/// but for batch normalization). A model that is in evaluation trains nevertheless; parts that are in evaluation in a
/// model that is not stay so. In the end all are as they were.
///
/// A checkpoint holds model, optimizer, both loaders, the average, the history and the best model, and this thread's
/// random state: the same call in a new process goes on from it, and ends, bit for bit, as if it had never been
/// interrupted; with larger limits likewise. It is written, too, at the start and when the run ends. A file of another
/// model, optimizer, loader or history is refused as `load_checkpoint` does.
///
/// Throws std::invalid_argument for options out of their range, without a limit, or a `monitor` that is needed and not
/// there; ShapeError for a loss of more than one number; AnomalyError for a loss or gradient that is NaN or infinite:
/// it names the step, the parameter, and what is to blame, as a NanGuard does. Whatever a step throws, parameters,
/// running statistics and random numbers are then as before it. Parameters that a step has moved out of their type's
/// range are an AnomalyError before anything is kept: no checkpoint and no best model has such a number.
History fit(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, data::DataLoader& loader,
            const FitOptions& options);

}  // namespace ravine::train
