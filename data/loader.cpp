#include <ravine/data/loader.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>

namespace ravine::data {
namespace {

/// True if an iterator holds the loop and shows a batch.
constexpr auto runs = [](const auto& loop) { return loop.use_count() > 1 && !loop->over; };

}  // namespace

DataLoader::DataLoader(TensorDataset dataset, const DataLoaderOptions& options)
    : dataset_(std::move(dataset)), options_(options) {
  if (options.batch_size < 1)
    throw std::invalid_argument(detail::text("DataLoader: batch_size must be >= 1, got ", options.batch_size));
  if (dataset_.size() == 0) throw std::invalid_argument("DataLoader: the dataset is empty");
  if (size() == 0)
    throw std::invalid_argument(detail::text("DataLoader: drop_last leaves no batch of ", options.batch_size,
                                             " from a dataset of ", dataset_.size()));
  seed_ = options.seed ? *options.seed : options.shuffle ? default_generator().next() : 0;
  add_loop(0, 0);
}

DataLoader::DataLoader(const DataLoader& other)
    : dataset_(other.dataset_),
      options_(other.options_),
      seed_(other.seed_),
      epochs_(other.epochs_),
      resumes_(other.resumes_) {
  add_loop(other.oldest().epoch, other.oldest().position);
}

Index DataLoader::size() const {
  const Index full = dataset_.size() / options_.batch_size;
  const bool rest = dataset_.size() % options_.batch_size != 0;
  return full + (rest && !options_.drop_last);
}

DataLoader::Iterator DataLoader::begin() {
  if (!resumes_ || oldest().position == size()) add_loop(epochs_++, 0);
  resumes_ = false;
  const std::shared_ptr<Loop>& loop = loops_.back();
  if (options_.shuffle) loop->draw_order(seed_);
  loop->next();
  return Iterator(loop);
}

// Loops that are over make room for a new one, or serve again.
void DataLoader::add_loop(Index epoch, Index position) {
  for (std::shared_ptr<Loop>& loop : loops_)
    if (!runs(loop)) {
      if (loop.use_count() == 1) {
        loop->batch = {};
        spare_.push_back(loop);
      }
      loop.reset();
    }
  std::erase(loops_, nullptr);
  if (spare_.empty()) spare_.push_back(std::make_shared<Loop>(Loop{dataset_, options_, size()}));
  loops_.push_back(std::move(spare_.back()));
  spare_.pop_back();
  loops_.back()->epoch = epoch;
  loops_.back()->position = position;
  loops_.back()->over = false;
}

// If none runs, the oldest of those that ran last.
const DataLoader::Loop& DataLoader::oldest() const {
  const auto running = std::find_if(loops_.begin(), loops_.end(), runs);
  return running == loops_.end() ? *loops_.front() : **running;
}

// Fisher-Yates, with a stream of random numbers for each epoch.
void DataLoader::Loop::draw_order(std::uint64_t seed) {
  Generator of_epochs(seed);
  of_epochs.set(seed, static_cast<std::uint64_t>(epoch));
  Generator generator(of_epochs.next());
  order.resize(static_cast<std::size_t>(dataset.size()));
  std::iota(order.begin(), order.end(), Index{0});
  for (std::size_t left = order.size(); left > 1; --left)
    std::swap(order[left - 1], order[static_cast<std::size_t>(generator.next_below(static_cast<Index>(left)))]);
}

// Makes the next batch of the epoch, if there is one.
void DataLoader::Loop::next() {
  batch.inputs.release();  // so that the new batch can have the memory of the old one
  batch.targets.release();
  over = position == batches;
  if (over) return;
  const Index begin = position * options.batch_size;
  const Index end = std::min(begin + options.batch_size, dataset.size());
  batch.inputs = gather(dataset.inputs(), begin, end);
  batch.targets = gather(dataset.targets(), begin, end);
  ++position;
}

// The rows at places [begin, end) of the epoch's order.
Tensor DataLoader::Loop::gather(const Tensor& from, Index begin, Index end) const {
  Shape shape = from.shape();
  shape[0] = end - begin;
  Tensor rows(shape, from.dtype());
  if (rows.numel() == 0) return rows;
  const std::size_t row_bytes = static_cast<std::size_t>(rows.numel() / shape[0]) * size_of(from.dtype());
  const auto row = [&](Index i) { return from.bytes() + static_cast<std::size_t>(i) * row_bytes; };
  std::byte* to = rows.bytes();
  if (options.shuffle)
    for (Index place = begin; place < end; ++place, to += row_bytes)
      std::memcpy(to, row(order[static_cast<std::size_t>(place)]), row_bytes);
  else
    std::memcpy(to, row(begin), static_cast<std::size_t>(end - begin) * row_bytes);
  return rows;
}

StateDict DataLoader::state_dict() const {
  return {{"seed", scalar(static_cast<Index>(seed_), i64)}, {"epoch", scalar(oldest().epoch, i64)},
          {"position", scalar(oldest().position, i64)},     {"epochs", scalar(epochs_, i64)},
          {"batch_size", scalar(options_.batch_size, i64)}, {"examples", scalar(dataset_.size(), i64)}};
}

void DataLoader::load_state_dict(const StateDict& state) {
  detail::check_state_dict("DataLoader", state_dict(), state);
  const auto saved = [&](const char* name) { return state.at(name).item<Index>(); };
  const Index batch_size = saved("batch_size"), examples = saved("examples");
  if (batch_size != options_.batch_size || examples != dataset_.size())
    throw std::invalid_argument(detail::text("DataLoader: the state is that of batches of ", batch_size, " from ",
                                             examples, " examples, this loader has batches of ", options_.batch_size,
                                             " from ", dataset_.size()));
  const Index epoch = saved("epoch"), position = saved("position"), epochs = saved("epochs");
  if (epoch < 0 || epochs <= epoch || position < 0 || position > size())
    throw std::invalid_argument(
        detail::text("DataLoader: no epoch ", epoch, " of ", epochs, ", position ", position, " of ", size()));
  seed_ = static_cast<std::uint64_t>(saved("seed"));
  loops_.clear();
  add_loop(epoch, position);
  epochs_ = epochs;
  resumes_ = true;
}

std::function<void()> DataLoader::undo() {
  return [this, seed = seed_, epochs = epochs_, resumes = resumes_, loops = loops_]() mutable {
    seed_ = seed;
    epochs_ = epochs;
    resumes_ = resumes;
    loops_ = std::move(loops);
  };
}

}  // namespace ravine::data
