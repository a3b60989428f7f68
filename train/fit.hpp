/// @file
/// The training loop, with what a run of days needs.
#pragma once

#include <ravine/train/fit_options.hpp>
#include <ravine/train/history.hpp>

namespace ravine::train {

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
/// With an `average`, or an optimizer that keeps averages (ASGD, Schedule-Free, Lookahead), validation and the best
/// model are at the averaged weights: a model that ends as its best needs no UseAverages. One without a best ends where
/// training left it, and UseAverages brings the averages in.
///
/// A checkpoint holds model, optimizer and all its parameters, both loaders, the average, the history and the best
/// model, and this thread's random state: the same call in a new process goes on from it, and ends, bit for bit, as if
/// it had never been interrupted; with larger limits likewise. It is written, too, at the start and when the run ends;
/// of a run that is over it need not be. A file of another model, optimizer, loader or history is refused as
/// `load_checkpoint` does.
///
/// Throws std::invalid_argument as FitOptions::check, and for an optimizer that has none of the parameters of a model
/// that has some to learn, an average that has none of the optimizer's, or a loader of dist::DataParallel; ShapeError
/// for a loss of more than one number; AnomalyError for a loss or gradient that is NaN or infinite: it names the step,
/// the parameter, and what is to blame, as a NanGuard does. Whatever a step throws, parameters, running statistics and
/// random numbers are then as before it; but where there is a best model already, the model ends as that, whatever ends
/// the run: one that diverges has been good before. A checkpoint stays as it was written. Parameters that a step has
/// moved out of their type's range are an AnomalyError before anything is kept: no checkpoint and no best model has
/// such a number.
FitResult fit(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, data::DataLoader& loader,
              const FitOptions& options);

}  // namespace ravine::train
