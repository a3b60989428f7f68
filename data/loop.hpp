/// @file
/// One epoch of a loader; for the library's sources, not its public headers.
#pragma once

#include <memory>
#include <stop_token>
#include <vector>

#include <ravine/data/loader.hpp>
#include <ravine/data/prefetch.hpp>

namespace ravine::data {

/// One epoch as it is handed out. It needs the loader no more, and can serve for another epoch when it is over.
struct DataLoader::Loop {
  Loop(const Dataset& dataset, const DataLoaderOptions& options, Index examples, Index batches)
      : dataset(dataset), options(options), examples(examples), batches(batches) {}

  /// Draws the order of the epoch and makes the first batch.
  void begin(std::uint64_t seed);
  /// Makes the next batch, if there is one.
  void next();

  const Dataset dataset;
  const DataLoaderOptions options;
  const Index examples;  // in an epoch
  const Index batches;   // in an epoch
  Index epoch = 0;       // its number
  Index position = 0;    // batches handed out
  bool over = false;     // the last batch has been left behind
  Batch batch;

 private:
  void draw_order(Generator generator);
  void count_repeats();
  void start_threads();
  void make(Index number, Batch& made, const std::stop_token& stop) const;
  void gather(const Tensor& from, Index begin, Index end, Tensor& rows) const;
  void stack(Index begin, Index end, Batch& made, const std::stop_token& stop) const;
  void set_generator(Index place) const;
  Index example(Index place) const { return order_.empty() ? place : order_[static_cast<std::size_t>(place)]; }

  // The same for a whole epoch: read by the threads that make batches.
  std::vector<Index> order_;        // of the examples, if it is not the dataset's
  std::vector<Index> repeats_;      // how often the example at a place came before, if a sampler decides
  std::uint64_t example_seed_ = 0;  // of what is drawn while an example is made

 public:
  std::unique_ptr<Prefetch, EndPrefetch> prefetch;  // the last member: its threads end before what they read goes
};

}  // namespace ravine::data
