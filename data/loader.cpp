#include <ravine/data/loader.hpp>

#include <algorithm>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/loop.hpp>

namespace ravine::data {
namespace {

/// True if an iterator holds the loop and shows a batch.
constexpr auto runs = [](const auto& loop) { return loop.use_count() > 1 && !loop->over; };

}  // namespace

DataLoader::DataLoader(Dataset dataset, const DataLoaderOptions& options)
    : dataset_(std::move(dataset)), options_(options) {
  const auto refuse = [](const auto&... why) { throw std::invalid_argument(detail::text("DataLoader: ", why...)); };
  if (options.batch_size < 1) refuse("batch_size must be >= 1, got ", options.batch_size);
  if (options.prefetch < 0) refuse("prefetch must be >= 0, got ", options.prefetch);
  if (options.shuffle && options.sampler.draw) refuse("either shuffle or a sampler decides on the order");
  if (dataset_.size() < 1) refuse("the dataset is empty");
  if (const Index needed = options.sampler.dataset_size; needed != 0 && needed != dataset_.size())
    refuse("the sampler is for a dataset of ", needed, " examples, this one has ", dataset_.size());
  if (examples() < 1) refuse("an epoch of the sampler is empty");
  if (size() == 0) refuse("drop_last leaves no batch of ", options.batch_size, " from a dataset of ", examples());
  const bool random = options.shuffle || options.sampler.draw || !dataset_.rows();
  seed_ = options.seed ? *options.seed : random ? default_generator().next() : 0;
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

DataLoader::DataLoader(DataLoader&&) = default;
DataLoader& DataLoader::operator=(DataLoader&&) = default;
DataLoader::~DataLoader() = default;

Index DataLoader::examples() const { return options_.sampler.draw ? options_.sampler.size : dataset_.size(); }

Index DataLoader::size() const {
  const Index full = examples() / options_.batch_size;
  const bool rest = examples() % options_.batch_size != 0;
  return full + (rest && !options_.drop_last);
}

DataLoader::Iterator DataLoader::begin() {
  if (!resumes_ || oldest().position == size()) add_loop(epochs_++, 0);
  resumes_ = true;  // if there is no first batch, the next loop tries again
  const std::shared_ptr<Loop>& loop = loops_.back();
  loop->begin(seed_);
  resumes_ = false;
  return Iterator(loop);
}

// Loops that are over make room for a new one, or serve again.
void DataLoader::add_loop(Index epoch, Index position) {
  for (std::shared_ptr<Loop>& loop : loops_)
    if (!runs(loop)) {
      if (loop.use_count() == 1) {
        if (!loop->over) loop->prefetch.reset();  // its threads are still at work
        spare_.push_back(loop);
      }
      loop.reset();
    }
  std::erase(loops_, nullptr);
  if (spare_.empty()) spare_.push_back(std::make_shared<Loop>(dataset_, options_, examples(), size()));
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

const Batch& DataLoader::Iterator::operator*() const { return loop_->batch; }

DataLoader::Iterator& DataLoader::Iterator::operator++() {
  loop_->next();
  return *this;
}

bool DataLoader::Iterator::operator==(std::default_sentinel_t) const { return !loop_ || loop_->over; }

Index DataLoader::Iterator::position() const { return loop_->position; }

StateDict DataLoader::state_dict() const {
  return {{"seed", scalar(static_cast<Index>(seed_), i64)},
          {"epoch", scalar(oldest().epoch, i64)},
          {"position", scalar(oldest().position, i64)},
          {"epochs", scalar(epochs_, i64)},
          {"batch_size", scalar(options_.batch_size, i64)},
          {"examples", scalar(dataset_.size(), i64)},
          {"shuffle", scalar(Index{options_.shuffle}, i64)},
          {"drop_last", scalar(Index{options_.drop_last}, i64)},
          {"sampler", scalar(options_.sampler.draw ? options_.sampler.size : 0, i64)}};
}

void DataLoader::load_state_dict(const StateDict& state) {
  StateDict own = state_dict();
  for (const char* later : {"shuffle", "drop_last", "sampler"})  // than the first files
    if (!state.contains(later)) own.erase(later);
  check_state_dict("DataLoader", own, state);
  const auto saved = [&](const char* name) { return state.at(name).item<Index>(); };
  for (const char* name : {"batch_size", "examples", "shuffle", "drop_last", "sampler"})
    if (own.contains(name) && saved(name) != own.at(name).item<Index>())
      throw std::invalid_argument(detail::text("DataLoader: the state is that of a loader with ", name, " ",
                                               saved(name), ", this one has ", own.at(name).item<Index>()));
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

Callable<void()> DataLoader::undo() {
  return [this, seed = seed_, epochs = epochs_, resumes = resumes_, loops = loops_] {
    seed_ = seed;
    epochs_ = epochs;
    resumes_ = resumes;
    loops_ = loops;
  };
}

}  // namespace ravine::data
