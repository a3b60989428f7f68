#include <ravine/data/loop.hpp>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>

#include <ravine/core/mapped_file.hpp>
#include <ravine/core/text.hpp>

namespace ravine::data {
namespace {

/// Streams of random numbers that an epoch has: for its order, and for its examples.
enum class Purpose : std::uint64_t { order, examples };

std::uint64_t seed_of(std::uint64_t seed, Index epoch, Purpose purpose) {
  Generator seeds;
  seeds.set(seed, static_cast<std::uint64_t>(epoch) | static_cast<std::uint64_t>(purpose) << 63);
  return seeds.next();
}

/// While it lives, the default generator can be set to anything.
struct LentGenerator {
  const Generator own = default_generator();
  ~LentGenerator() { default_generator() = own; }
};

/// The parts of a batch of this shape: in the memory it has, if nobody else holds that and it fits.
void renew(Tensor& batch, const Shape& shape, DType dtype) {
  if (batch.unique() && batch.shape() == shape && batch.dtype() == dtype) return;
  batch.release();
  batch = Tensor(shape, dtype);
}

Shape stacked(Index parts, const Shape& part) {
  Shape shape{parts};
  for (const Index size : part) shape.push_back(size);
  return shape;
}
Shape part_of(const Shape& batch) { return Shape(std::span(batch.begin() + 1, batch.end())); }

template <class Error, class T>
void check_like_others(const char* what, Index number, const T& is, const T& others) {
  if (!(is == others))
    throw Error(detail::text("DataLoader: the ", what, " of example ", number, " is ", is,
                             ", that of others in its batch ", others));
}

/// Puts part of example `number` at a place in its batch; the first one decides how all of them look.
void put(const char* what, const Tensor& part, Index number, Index place, Index places, Tensor& batch) {
  if (place == 0) renew(batch, stacked(places, part.shape()), part.dtype());
  check_like_others<DTypeError>(what, number, part.dtype(), batch.dtype());
  check_like_others<ShapeError>(what, number, part.shape(), part_of(batch.shape()));
  const std::size_t bytes = static_cast<std::size_t>(part.numel()) * size_of(part.dtype());
  if (bytes > 0) std::memcpy(batch.bytes() + static_cast<std::size_t>(place) * bytes, part.bytes(), bytes);
}

// True for what the first epoch will hardly bring to memory once and for all.
bool lies_on_disk(const Tensor& x) {
  return x.mapped() && static_cast<std::size_t>(x.numel()) * size_of(x.dtype()) >= std::size_t{1} << 28;
}

}  // namespace

void DataLoader::Loop::begin(std::uint64_t seed) {
  draw_order(Generator(seed_of(seed, epoch, Purpose::order)));
  example_seed_ = seed_of(seed, epoch, Purpose::examples);
  if (options.prefetch > 0) start_threads();
  next();
}

void DataLoader::Loop::draw_order(Generator generator) {
  if (!options.shuffle && !options.sampler.draw) return;
  order_.resize(static_cast<std::size_t>(examples));
  if (options.sampler.draw) {
    options.sampler.draw(order_, generator);
    return count_repeats();
  }
  std::iota(order_.begin(), order_.end(), Index{0});
  for (std::size_t left = order_.size(); left > 1; --left)  // Fisher-Yates
    std::swap(order_[left - 1], order_[static_cast<std::size_t>(generator.next_below(static_cast<Index>(left)))]);
}

void DataLoader::Loop::count_repeats() {
  std::vector<Index> so_far(static_cast<std::size_t>(dataset.size()));
  repeats_.clear();
  for (const Index i : order_) {
    if (i < 0 || i >= dataset.size())
      throw std::out_of_range(detail::text("DataLoader: the sampler drew example ", i, " of ", dataset.size()));
    repeats_.push_back(so_far[static_cast<std::size_t>(i)]++);
  }
}

void DataLoader::Loop::start_threads() {
  if (!prefetch || !prefetch->here())
    prefetch.reset(new Prefetch(std::min(options.prefetch, batches),
                                [this](Index n, Batch& b, const std::stop_token& stop) { make(n, b, stop); }));
  prefetch->start(position, batches);
}

void DataLoader::Loop::next() {
  over = position == batches;
  if (over) return;
  if (prefetch && !prefetch->here()) prefetch.reset();
  Batch made = std::move(batch);
  try {
    prefetch ? prefetch->take(position, made) : make(position, made, {});
  } catch (...) {
    prefetch.reset();
    throw;
  }
  batch = std::move(made);
  ++position;
}

void DataLoader::Loop::make(Index number, Batch& made, const std::stop_token& stop) const {
  Index begin = number * options.batch_size, end = std::min(begin + options.batch_size, examples);
  if (options.part) {
    const auto [first, last] = options.part(end - begin);
    end = begin + last;
    begin += first;
  }
  const TensorDataset* rows = dataset.rows();
  if (!rows) return stack(begin, end, made, stop);
  gather(rows->inputs(), begin, end, made.inputs);
  gather(rows->targets(), begin, end, made.targets);
}

// The rows at places [begin, end) of the epoch's order.
void DataLoader::Loop::gather(const Tensor& from, Index begin, Index end, Tensor& rows) const {
  Shape shape = from.shape();
  shape[0] = end - begin;
  renew(rows, shape, from.dtype());
  if (rows.numel() == 0) return;
  const std::size_t row_bytes = static_cast<std::size_t>(rows.numel() / shape[0]) * size_of(from.dtype());
  const auto row = [&](Index i) { return from.bytes() + static_cast<std::size_t>(i) * row_bytes; };
  if (!order_.empty() && lies_on_disk(from))  // its rows are read all at once, instead of one after the other
    for (Index place = begin; place < end; ++place) detail::will_need(row(example(place)), row_bytes);
  std::byte* to = rows.bytes();
  if (order_.empty())
    std::memcpy(to, row(begin), static_cast<std::size_t>(end - begin) * row_bytes);
  else
    for (Index place = begin; place < end; ++place, to += row_bytes) std::memcpy(to, row(example(place)), row_bytes);
}

// Asks the dataset for each of these examples.
void DataLoader::Loop::stack(Index begin, Index end, Batch& made, const std::stop_token& stop) const {
  if (begin == end) made = {};
  const LentGenerator lent;
  for (Index place = begin; place < end && !stop.stop_requested(); ++place) {
    set_generator(place);
    const Index number = example(place);
    const Example one = dataset.get(number);
    put("input", one.input, number, place - begin, end - begin, made.inputs);
    put("target", one.target, number, place - begin, end - begin, made.targets);
  }
}

// So that an example draws the same numbers whoever makes it: 2^32 blocks of them.
void DataLoader::Loop::set_generator(Index place) const {
  const Index repeat = repeats_.empty() ? 0 : repeats_[static_cast<std::size_t>(place)];
  default_generator().set(example_seed_ + static_cast<std::uint64_t>(repeat), static_cast<std::uint64_t>(example(place))
                                                                                  << 32);
}

}  // namespace ravine::data
