#include <ravine/data/loader.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>

namespace ravine::data {
DataLoader::DataLoader(TensorDataset dataset, const DataLoaderOptions& options)
    : dataset_(std::move(dataset)), options_(options) {
  if (options.batch_size < 1)
    throw std::invalid_argument(detail::text("DataLoader: batch_size must be >= 1, got ", options.batch_size));
  if (dataset_.size() == 0) throw std::invalid_argument("DataLoader: the dataset is empty");
  if (size() == 0)
    throw std::invalid_argument(detail::text("DataLoader: drop_last leaves no batch of ", options.batch_size,
                                             " from a dataset of ", dataset_.size()));
  if (options.shuffle) order_.resize(static_cast<std::size_t>(dataset_.size()));
  seed_ = options.seed ? *options.seed : options.shuffle ? default_generator().next() : 0;
}

Index DataLoader::size() const {
  const Index full = dataset_.size() / options_.batch_size;
  const bool rest = dataset_.size() % options_.batch_size != 0;
  return full + (rest && !options_.drop_last);
}

DataLoader::Iterator DataLoader::begin() {
  if (!resumes_ || position_ == size()) {
    ++epoch_;
    position_ = 0;
  }
  resumes_ = false;
  if (options_.shuffle) draw_order();
  next();
  return Iterator(this);
}

// Fisher-Yates, with a stream of random numbers for each epoch.
void DataLoader::draw_order() {
  Generator of_epochs(seed_);
  of_epochs.set(seed_, static_cast<std::uint64_t>(epoch_));
  Generator generator(of_epochs.next());
  std::iota(order_.begin(), order_.end(), Index{0});
  for (std::size_t left = order_.size(); left > 1; --left)
    std::swap(order_[left - 1], order_[static_cast<std::size_t>(generator.next_below(static_cast<Index>(left)))]);
}

// Makes the next batch of the epoch; false if there is none.
bool DataLoader::next() {
  batch_.inputs.release();  // so that the new batch can have the memory of the old one
  batch_.targets.release();
  if (position_ == size()) return false;
  const Index begin = position_ * options_.batch_size;
  const Index end = std::min(begin + options_.batch_size, dataset_.size());
  batch_.inputs = gather(dataset_.inputs(), begin, end);
  batch_.targets = gather(dataset_.targets(), begin, end);
  ++position_;
  return true;
}

// The rows at places [begin, end) of the epoch's order.
Tensor DataLoader::gather(const Tensor& from, Index begin, Index end) const {
  Shape shape = from.shape();
  shape[0] = end - begin;
  Tensor rows(shape, from.dtype());
  if (rows.numel() == 0) return rows;
  const std::size_t row_bytes = static_cast<std::size_t>(rows.numel() / shape[0]) * size_of(from.dtype());
  const auto row = [&](Index i) { return from.bytes() + static_cast<std::size_t>(i) * row_bytes; };
  std::byte* to = rows.bytes();
  if (options_.shuffle)
    for (Index place = begin; place < end; ++place, to += row_bytes)
      std::memcpy(to, row(order_[static_cast<std::size_t>(place)]), row_bytes);
  else
    std::memcpy(to, row(begin), static_cast<std::size_t>(end - begin) * row_bytes);
  return rows;
}

StateDict DataLoader::state_dict() const {
  return {{"seed", scalar(static_cast<Index>(seed_), i64)},
          {"epoch", scalar(epoch_, i64)},
          {"position", scalar(position_, i64)},
          {"batch_size", scalar(options_.batch_size, i64)},
          {"examples", scalar(dataset_.size(), i64)}};
}

void DataLoader::load_state_dict(const StateDict& state) {
  detail::check_state_dict("DataLoader", state_dict(), state);
  const auto saved = [&](const char* name) { return state.at(name).item<Index>(); };
  const Index batch_size = saved("batch_size"), examples = saved("examples");
  if (batch_size != options_.batch_size || examples != dataset_.size())
    throw std::invalid_argument(detail::text("DataLoader: the state is that of batches of ", batch_size, " from ",
                                             examples, " examples, this loader has batches of ", options_.batch_size,
                                             " from ", dataset_.size()));
  const Index epoch = saved("epoch"), position = saved("position");
  if (epoch < 0 || position < 0 || position > size())
    throw std::invalid_argument(detail::text("DataLoader: no epoch ", epoch, ", position ", position, " of ", size()));
  seed_ = static_cast<std::uint64_t>(saved("seed"));
  epoch_ = epoch;
  position_ = position;
  resumes_ = true;
}

}  // namespace ravine::data
