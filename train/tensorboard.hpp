/// @file
/// Logs that TensorBoard shows.
#pragma once

#include <string>

#include <ravine/train/callback.hpp>

namespace ravine::train {

struct TensorBoardOptions {
  Index steps = 0;          ///< also the loss and the factor of the learning rate after every so many updates; 0: not
  bool histograms = false;  ///< also the parameters' values and gradients after each epoch
};

/// Writes an event file into a folder, for `tensorboard --logdir FOLDER`. Each record is written at once, so that a
/// killed run leaves whole ones; a run that goes on from a checkpoint writes another file into the same folder, and
/// TensorBoard forgets what the first one has beyond the checkpoint.
///
///     train::TensorBoard board("runs/cars");
///     fit(model, adam, nn::mse_loss, loader, {.epochs = 60, .callbacks = {&board}});
///
/// As a callback it writes every number of the history after each epoch, and once the model and the optimizer as text;
/// the step is the number of updates. In a loop of one's own, `add_…` are called by hand.
/// Sources: TensorFlow's event.proto, summary.proto and record_writer.cc (the format).
class TensorBoard final : public Callback {
 public:
  /// Makes the folder, if need be, and the file. Throws FileError; std::invalid_argument unless steps >= 0.
  explicit TensorBoard(const std::string& folder, const TensorBoardOptions& options = {});
  ~TensorBoard() override;
  TensorBoard(const TensorBoard&) = delete;
  TensorBoard& operator=(const TensorBoard&) = delete;

  const std::string& path() const { return path_; }

  // All throw FileError if the record cannot be written.

  /// A point of the curve `tag`, in f32.
  void add_scalar(const std::string& tag, double value, Index step);
  /// How the elements of a floating tensor are spread, in 30 parts of equal width; those that are not finite are left
  /// out, and if none is left nothing is written. Throws DTypeError.
  void add_histogram(const std::string& tag, const Tensor& values, Index step);
  /// Markdown.
  void add_text(const std::string& tag, const std::string& text, Index step);

  void on_begin(Run& run) override;
  void on_step(Run& run) override;
  void on_epoch(Run& run) override;

 private:
  void write(const std::string& event);

  std::string path_;
  TensorBoardOptions options_;
  int file_;
};

}  // namespace ravine::train
