/// @file
/// Which learning rate to take.
#pragma once

#include <ravine/data/loader.hpp>
#include <ravine/nn/module.hpp>
#include <ravine/optim/optimizer.hpp>
#include <ravine/train/loss.hpp>

namespace ravine::train {

struct FindLrOptions {
  double low = 1e-6;       ///< the first rate, > 0
  double high = 10.0;      ///< the last one, > low
  Index steps = 100;       ///< updates, >= 2; from one to the next the rate grows by the same factor
  double smoothing = 0.9;  ///< decay of the mean of the losses, in [0, 1)
};

/// Losses at rising learning rates, (n) f64 each, n <= steps.
struct LrRange {
  Tensor lr;
  Tensor loss;        ///< before the update with that rate
  Tensor smoothed;    ///< their mean, with weights that decay into the past
  double suggestion;  ///< where the smoothed loss falls fastest against log(lr), by a fifth of the test; NaN if it
                      ///< never does
};

/// A learning-rate range test: trains while the learning rate rises, until the loss is not finite or the smoothed one
/// four times as large as it has been at its lowest.
///
///     const LrRange range = find_lr(model, adam, nn::mse_loss, loader);
///     report::Plot plot({.x_label = "learning rate", .y_label = "loss", .x_log = true});
///     plot.line(range.lr, range.smoothed).save("lr.svg");
///
/// Model, optimizer, loader, gradients and this thread's random state are in the end as they were. The rate is that of
/// the optimizer's first group; those of others rise in proportion. Throws std::invalid_argument for options out of
/// their range, for an optimizer that has no option `lr`, or none of the model's parameters, and for a loader of
/// dist::DataParallel.
/// Source: Smith, Cyclical learning rates for training neural networks (2017).
LrRange find_lr(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, const data::DataLoader& loader,
                const FindLrOptions& options = {});

}  // namespace ravine::train
