/// @file
/// Mini-batches.
#pragma once

#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include <ravine/core/state_dict.hpp>
#include <ravine/data/dataset.hpp>

namespace ravine::data {

/// Some examples, copied out of a dataset: `for (const auto& [x, y] : loader)`.
struct Batch {
  Tensor inputs;   ///< (examples, …)
  Tensor targets;  ///< (examples, …)
};

struct DataLoaderOptions {
  Index batch_size = 1;                    ///< examples in a batch, >= 1
  bool shuffle = false;                    ///< a new random order every epoch, else the dataset's
  bool drop_last = false;                  ///< leave out a last batch of fewer examples
  std::optional<std::uint64_t> seed = {};  ///< of the orders; by default drawn from the default generator
};

/// Hands out a dataset in batches. Each `for` loop over it is one epoch: every example comes exactly once (but for
/// those that `drop_last` leaves out).
///
/// The order of an epoch depends on the seed and the epoch's number only; each loop that begins takes the next number.
/// Several may run at once, one inside another as well, and do not disturb each other. A loop that was left early is
/// over: the next one starts a new epoch. But after `load_state_dict` the first loop goes on behind the last batch that
/// had been handed out when the state was saved; if none was left, with the next epoch. A loader and its loops belong
/// to one thread at a time.
class DataLoader {
  struct Loop;

 public:
  class Iterator;

  /// Throws std::invalid_argument if batch_size < 1, or if there would be no batch: an empty dataset, or fewer
  /// examples than batch_size with drop_last.
  explicit DataLoader(TensorDataset dataset, const DataLoaderOptions& options = {});
  /// The next loop over a copy is the one that a loop over the original would be; then they go their own ways.
  DataLoader(const DataLoader& other);
  DataLoader(DataLoader&&) = default;
  DataLoader& operator=(DataLoader&&) = default;
  DataLoader& operator=(const DataLoader& other) { return *this = DataLoader(other); }

  /// Batches in an epoch.
  Index size() const;
  const TensorDataset& dataset() const { return dataset_; }
  const DataLoaderOptions& options() const { return options_; }

  /// Starts an epoch and makes its first batch.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

  /// {"seed", "epoch", "position", "epochs", "batch_size", "examples"}, one i64 each: the position is the number of
  /// batches handed out in the epoch of the oldest loop that runs (if none does, of those that ran last), and `epochs`
  /// counts the epochs that have got their numbers so far.
  StateDict state_dict() const;
  /// Loops that run go on as they are, and no longer count for `state_dict`. Throws std::invalid_argument, before
  /// anything is changed, if names, shapes or types do not fit, or if the state is that of a loader of another batch
  /// size or of a dataset of another size.
  void load_state_dict(const StateDict& state);
  /// Puts back, when called, all that load_state_dict changes after now, and which loops run.
  std::function<void()> undo();

 private:
  const Loop& oldest() const;
  void add_loop(Index epoch, Index position);

  TensorDataset dataset_;
  DataLoaderOptions options_;
  std::uint64_t seed_;
  Index epochs_ = 1;                          // that have their numbers; the first one is ready
  bool resumes_ = true;                       // the next loop goes on with the one that is there
  std::vector<std::shared_ptr<Loop>> loops_;  // that ran when the last one began, and that one; the oldest first
  std::vector<std::shared_ptr<Loop>> spare_;  // those that are over, so that a new loop allocates nothing
};

/// One epoch as it is handed out. It needs the loader no more.
struct DataLoader::Loop {
  TensorDataset dataset;
  DataLoaderOptions options;
  Index batches;                  // in all
  Index epoch = 0;                // its number
  Index position = 0;             // batches handed out
  bool over = false;              // the last batch has been left behind
  std::vector<Index> order = {};  // of the examples, if shuffled
  Batch batch = {};

  void next();
  void draw_order(std::uint64_t seed);
  Tensor gather(const Tensor& from, Index begin, Index end) const;
};

/// An input iterator over the batches of one epoch, equal to the sentinel behind the last. It outlives the loader;
/// copies are the same loop. The batch it shows lives until it moves on.
class DataLoader::Iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;

  const Batch& operator*() const { return loop_->batch; }
  const Batch* operator->() const { return &loop_->batch; }
  Iterator& operator++() {
    loop_->next();
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const { return !loop_ || loop_->over; }

 private:
  friend class DataLoader;
  explicit Iterator(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}

  std::shared_ptr<Loop> loop_;
};

}  // namespace ravine::data
