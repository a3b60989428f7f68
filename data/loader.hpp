/// @file
/// Mini-batches.
#pragma once

#include <cstdint>
#include <iterator>
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
/// The order of an epoch depends on the seed and the epoch's number only. A loop that was left early is over: the next
/// one starts a new epoch. But after `load_state_dict` the first loop goes on behind the last batch that had been
/// handed out when the state was saved; if none was left, with the next epoch. One loop at a time.
class DataLoader {
 public:
  class Iterator;

  /// Throws std::invalid_argument if batch_size < 1, or if there would be no batch: an empty dataset, or fewer
  /// examples than batch_size with drop_last.
  explicit DataLoader(TensorDataset dataset, const DataLoaderOptions& options = {});

  /// Batches in an epoch.
  Index size() const;
  const TensorDataset& dataset() const { return dataset_; }
  const DataLoaderOptions& options() const { return options_; }

  /// Starts an epoch and makes its first batch. The batch an iterator shows lives until it moves on.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

  /// {"seed", "epoch", "position", "batch_size", "examples"}, one i64 each: the position is the number of batches
  /// handed out in the epoch.
  StateDict state_dict() const;
  /// Throws std::invalid_argument, before anything is changed, if names, shapes or types do not fit, or if the state is
  /// that of a loader of another batch size or of a dataset of another size.
  void load_state_dict(const StateDict& state);

 private:
  bool next();
  void draw_order();
  Tensor gather(const Tensor& from, Index begin, Index end) const;

  TensorDataset dataset_;
  DataLoaderOptions options_;
  std::uint64_t seed_;
  Index epoch_ = 0;
  Index position_ = 0;        // batches handed out in this epoch
  bool resumes_ = true;       // the next loop goes on in this epoch
  std::vector<Index> order_;  // of the examples, if shuffled
  Batch batch_;
};

/// An input iterator over the batches of one epoch; equal to the sentinel behind the last.
class DataLoader::Iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;

  const Batch& operator*() const { return loader_->batch_; }
  const Batch* operator->() const { return &loader_->batch_; }
  Iterator& operator++() {
    if (!loader_->next()) loader_ = nullptr;
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const { return loader_ == nullptr; }

 private:
  friend class DataLoader;
  explicit Iterator(DataLoader* loader) : loader_(loader) {}

  DataLoader* loader_;
};

}  // namespace ravine::data
