/// @file
/// Mini-batches.
#pragma once

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <ravine/core/callable.hpp>
#include <ravine/core/state_dict.hpp>
#include <ravine/data/dataset.hpp>
#include <ravine/data/sampler.hpp>

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
  std::optional<std::uint64_t> seed = {};  ///< of all that is random; by default drawn from the default generator
  Index prefetch = 0;                      ///< batches made ahead, >= 0, by as many threads, or one for each core
  Sampler sampler = {};                    ///< an order of another kind, in place of `shuffle`
  /// Which examples of a batch are made, [first, end) of so many, where others make the rest; by default all.
  Callable<std::pair<Index, Index>(Index examples)> part = {};
};

/// Hands out a dataset in batches. Each `for` loop over it is one epoch: every example comes exactly once (but for
/// those that `drop_last` leaves out, and unless a sampler has it otherwise).
///
/// The order of an epoch depends on the seed and the epoch's number only; each loop that begins takes the next number.
/// Several may run at once, one inside another as well, and do not disturb each other. A loop that was left early is
/// over: the next one starts a new epoch. But after `load_state_dict` the first loop goes on behind the last batch that
/// had been handed out when the state was saved; if none was left, with the next epoch. A loader and its loops belong
/// to one thread at a time.
///
/// A dataset of one's own is asked for one example after the other, and these are put together. While `get` runs, the
/// default generator is one for this example: its numbers depend on the seed, the epoch, the example's number (and how
/// often it came before in the epoch) only. What `get` throws, the loop throws, and can go on to try again. Examples of
/// a batch must be alike: else it throws ShapeError, DTypeError.
///
/// With `prefetch` the loop gets the same batches, bit for bit, but other threads make them while the loop computes,
/// unless a batch is made in less time than it takes to wake a thread, some 20 microseconds. `get` is then called by
/// several threads at once. Where no threads can be started, the loop makes its batches itself; so does one under way
/// in a child process.
class DataLoader {
  struct Loop;

 public:
  class Iterator;

  /// Throws std::invalid_argument if batch_size < 1 or prefetch < 0, for a sampler as well as `shuffle` or one
  /// that is for a dataset of another size, or if there would be no batch: an empty dataset, or fewer examples than
  /// batch_size with drop_last.
  explicit DataLoader(Dataset dataset, const DataLoaderOptions& options = {});
  /// The next loop over a copy is the one that a loop over the original would be; then they go their own ways.
  DataLoader(const DataLoader& other);
  DataLoader(DataLoader&&);
  DataLoader& operator=(DataLoader&&);
  DataLoader& operator=(const DataLoader& other) { return *this = DataLoader(other); }
  ~DataLoader();

  /// Batches in an epoch.
  Index size() const;
  const Dataset& dataset() const { return dataset_; }
  const DataLoaderOptions& options() const { return options_; }

  /// Starts an epoch and makes its first batch. Throws std::out_of_range if the sampler drew an example that is not
  /// there.
  Iterator begin();
  std::default_sentinel_t end() const { return {}; }

  /// {"seed", "epoch", "position", "epochs", "batch_size", "examples", "shuffle", "drop_last", "sampler"}, one i64
  /// each: the position is the number of batches handed out in the epoch of the oldest loop that runs (if none does, of
  /// those that ran last), `epochs` counts the epochs that have got their numbers so far, and "sampler" is its size, 0
  /// for none.
  StateDict state_dict() const;
  /// Loops that run go on as they are, and no longer count for `state_dict`. Throws std::invalid_argument, before
  /// anything is changed, if names, shapes or types do not fit, or if the state is that of a loader with another of
  /// these options, which it names, or of a dataset of another size. (States of an older ravine lack the last three.)
  void load_state_dict(const StateDict& state);
  /// Puts back, when called, all that load_state_dict changes after now, and which loops run.
  Callable<void()> undo();

 private:
  Index examples() const;
  const Loop& oldest() const;
  void add_loop(Index epoch, Index position);

  Dataset dataset_;
  DataLoaderOptions options_;
  std::uint64_t seed_;
  Index epochs_ = 1;                          // that have their numbers; the first one is ready
  bool resumes_ = true;                       // the next loop goes on with the one that is there
  std::vector<std::shared_ptr<Loop>> loops_;  // that ran when the last one began, and that one; the oldest first
  std::vector<std::shared_ptr<Loop>> spare_;  // those that are over, so that a new loop allocates nothing
};

/// An input iterator over the batches of one epoch, equal to the sentinel behind the last. It outlives the loader;
/// copies are the same loop. The batch it shows lives until it moves on.
class DataLoader::Iterator {
 public:
  using iterator_concept = std::input_iterator_tag;
  using value_type = Batch;
  using difference_type = std::ptrdiff_t;

  const Batch& operator*() const;
  const Batch* operator->() const { return &**this; }
  Iterator& operator++();
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const;
  /// Batches of the epoch that have been handed out, this one among them.
  Index position() const;

 private:
  friend class DataLoader;
  explicit Iterator(std::shared_ptr<Loop> loop) : loop_(std::move(loop)) {}

  std::shared_ptr<Loop> loop_;
};

}  // namespace ravine::data
