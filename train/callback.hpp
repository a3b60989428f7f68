/// @file
/// What watches a training: the base of the progress bar and the logs, and of a user's own.
#pragma once

#include <ravine/nn/module.hpp>
#include <ravine/optim/optimizer.hpp>
#include <ravine/train/history.hpp>

namespace ravine::train {

/// A run of `fit`, as callbacks see it.
struct Run {
  nn::Module& model;
  optim::Optimizer& optimizer;
  const FitResult& history;  ///< of the epochs that are over
  Index epochs;              ///< at which it ends; 0: no such limit
  Index total_steps;         ///< updates at which it ends, unless something ends it before
  Index batches;             ///< in an epoch

  Index step = 0;          ///< updates that are done
  Index epoch = 1;         ///< that runs, or has just ended
  Index batch = 0;         ///< batches of that epoch that are done
  double loss = 0.0;       ///< of the last update
  double mean_loss = 0.0;  ///< of the epoch so far, each example counted alike
  bool stop = false;       ///< set by a callback: end the run after this step
};

/// Functions that `fit` calls as it goes. (For gradients there is Optimizer::on_gradients.) What they throw ends the
/// run and reaches the caller of `fit`.
///
///     struct Patient final : train::Callback {
///       void on_epoch(train::Run& run) override { run.stop = std::filesystem::exists("stop"); }
///     };
class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_begin(Run&) {}  ///< once, after what a checkpoint holds has been loaded
  virtual void on_step(Run&) {}   ///< after each update
  virtual void on_epoch(Run&) {}  ///< after each epoch and its validation; history has its row
  virtual void on_end(Run&) {}    ///< once; the model is as fit returns it
};

}  // namespace ravine::train
