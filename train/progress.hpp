/// @file
/// How far a training is, as it goes.
#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include <ravine/train/callback.hpp>

namespace ravine::train {

struct ProgressOptions {
  bool on = true;             ///< false: nothing is shown
  double seconds = 0.1;       ///< from one picture of the bar to the next, >= 0; lines come a hundred times as rarely
  const char* step = "step";  ///< what is counted
};

/// A bar on a terminal,
///
///     epoch 3/60  [=====>              ]  26%  9480 steps/s  0:02 left  loss 7.105  val_loss 8.211
///
/// drawn over itself and cut to the terminal's width; whole lines anywhere else. The rate is the mean since it began,
/// the loss that of the epoch so far, other numbers those of the last epoch. What the stream does not take is lost.
///
///     train::Progress progress(stderr);
///     fit(model, adam, nn::mse_loss, loader, {.epochs = 60, .callbacks = {&progress}});
class Progress final : public Callback {
 public:
  /// The stream must outlive it. Throws std::invalid_argument if it is null, and unless seconds >= 0.
  explicit Progress(std::FILE* out, const ProgressOptions& options = {});
  /// Ends the line, if there is one.
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// For a loop of one's own: after each step, with the number of those that are done; the last one ends the line,
  /// and a number that is no larger begins another loop.
  void update(Index done, Index total, std::optional<double> loss = {});

  void on_begin(Run& run) override;
  void on_step(Run& run) override;
  void on_end(Run& run) override;

 private:
  void start(Index done);
  bool due(Index done);
  void show(const std::string& where, Index done, Index total, const std::string& numbers, bool last);
  void show(const Run& run, bool last);
  void draw(const std::string& left, double part, const std::string& right);
  void end_line();

  std::FILE* out_;
  ProgressOptions options_;
  bool terminal_;
  Index first_ = 0, done_ = -1;  // steps that were done when it began, and are; -1: it has not
  Index next_ = 0, stride_ = 1;  // the step after which it looks at the clock, and from there to the next
  double began_ = 0.0, looked_ = 0.0, shown_ = 0.0;  // when, in seconds
  std::size_t drawn_ = 0;                            // characters of the line that is on the terminal
};

}  // namespace ravine::train
