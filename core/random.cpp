#include <ravine/core/random.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/active.hpp>
#include <ravine/core/shard.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

using detail::text;
using Block = std::array<std::uint32_t, 4>;
__extension__ using Wide = unsigned __int128;

std::uint64_t join(std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; }

/// 128 random bits, as a fraction of 2^128, times bound: an integer in [0, bound).
std::uint64_t below(std::uint64_t low, std::uint64_t high, std::uint64_t bound) {
  return static_cast<std::uint64_t>((Wide{high} * bound + (Wide{low} * bound >> 64)) >> 64);
}

/// Elements that come before a random tensor, and how many there are in all. They are more than its own where it has a
/// row for each of a shard's: it is a part of what the whole batch would draw.
struct Drawn {
  Index before, all;
};
Drawn drawn(const Shape& shape) {
  const Index n = shape.numel();
  const Shard* const shard = Shard::current();
  if (!shard || n == 0 || shape.rank() == 0 || shape[0] != shard->rows) return {0, n};
  return {n / shard->rows * shard->first, n / shard->rows * shard->batch};
}

/// A new tensor; make(stream, elements, n) makes n of its elements, `per_block` from each block of the stream.
template <class T, class Make>
Tensor generate(const Shape& shape, Generator& generator, Index per_block, Make make) {
  Tensor out(shape, dtype_of<T>());
  T* elements = out.raw<T>();
  const auto [before, all] = drawn(shape);
  const std::uint64_t seed = generator.seed();
  const std::uint64_t first = generator.reserve(static_cast<std::uint64_t>((all + per_block - 1) / per_block));
  detail::parallel_for(out.numel(), detail::parallel_grain, [&, skipped = before](Index begin, Index end) {
    const Index i = skipped + begin;
    const kernels::Stream stream{seed, first + static_cast<std::uint64_t>(i / per_block), i % per_block};
    make(stream, elements + begin, end - begin);
  });
  return out;
}

/// Fisher and Yates's shuffle of 0, …, n - 1: each from the last on changes places with one of those up to it. Where
/// they stand is known in advance, so that memory need not be waited for.
template <class Number>
void shuffle(Index* result, Index n, Generator& generator) {
  constexpr Index batch = 1024, ahead = 32;
  std::vector<Number> numbers(static_cast<std::size_t>(n));
  std::iota(numbers.begin(), numbers.end(), Number{0});
  Number* const all = numbers.data();
  Index places[batch + ahead] = {};
  for (Index left = n; left > 1; left -= batch) {
    const Index count = std::min(batch, left - 1);
    const kernels::Stream stream{generator.seed(), generator.reserve(static_cast<std::uint64_t>(count)), 0};
    kernels::active<kernels::Random<Index>>().below(stream, static_cast<std::uint64_t>(left), true, places, count);
    for (Index i = 0; i < count; ++i) {
      __builtin_prefetch(all + places[i + ahead], 1);
      std::swap(all[left - 1 - i], all[places[i]]);
    }
  }
  std::copy(numbers.begin(), numbers.end(), result);
}

}  // namespace

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  auto [c0, c1, c2, c3] = counter;
  auto [k0, k1] = key;
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53} * c0, p1 = std::uint64_t{0xCD9E8D57} * c2;
    c0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<std::uint32_t>(p1);
    c2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<std::uint32_t>(p0);
    k0 += 0x9E3779B9;  // the golden ratio
    k1 += 0xBB67AE85;  // sqrt(3) - 1
  }
  return {c0, c1, c2, c3};
}

std::array<std::uint32_t, 4> Generator::block(std::uint64_t position) const {
  const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
  return philox4x32({low(position), low(position >> 32), 0, 0}, {low(seed_), low(seed_ >> 32)});
}

std::uint64_t Generator::next() {
  const Block bits = block(position_++);
  return join(bits[0], bits[1]);
}

double Generator::next_uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

Index Generator::next_below(Index bound) {
  if (bound <= 0) throw std::invalid_argument(text("Generator: bound must be > 0, got ", bound));
  const Block b = block(position_++);
  return static_cast<Index>(below(join(b[0], b[1]), join(b[2], b[3]), static_cast<std::uint64_t>(bound)));
}

StateDict Generator::state_dict() const {
  const auto number = [](std::uint64_t bits) { return scalar(static_cast<Index>(bits), i64); };
  return {{"seed", number(seed_)}, {"position", number(position_)}};
}

void Generator::load_state_dict(const StateDict& state) {
  check_state_dict("Generator::load_state_dict", state_dict(), state);
  const auto number = [&](const char* name) { return static_cast<std::uint64_t>(state.at(name).item<Index>()); };
  set(number("seed"), number("position"));
}

Generator& default_generator() {
  thread_local Generator generator;
  return generator;
}

void manual_seed(std::uint64_t seed) { default_generator().set(seed); }

Tensor randn(const Shape& shape, DType dtype, Generator& generator) {
  return detail::visit_floating("randn", dtype, [&](auto zero) {
    using T = decltype(zero);
    return generate<T>(shape, generator, 16 / sizeof(T), kernels::active<kernels::Random<T>>().normal);
  });
}

Tensor randn(const Shape& shape, Generator& generator) { return randn(shape, f32, generator); }

Tensor uniform(const Shape& shape, double low, double high, DType dtype, Generator& generator) {
  return detail::visit_floating("uniform", dtype, [&](auto zero) {
    using T = decltype(zero);
    const T first = static_cast<T>(low), range = static_cast<T>(high) - first;
    if (low > high || !std::isfinite(range))
      throw std::invalid_argument(text("uniform: needs finite low <= high, got ", low, " and ", high));
    const T last = std::nextafter(static_cast<T>(high), first);  // what a sample that rounds to high becomes
    return generate<T>(shape, generator, 16 / sizeof(T),
                       [=, kernel = kernels::active<kernels::Random<T>>().uniform](
                           const kernels::Stream& stream, T* y, Index n) { kernel(stream, first, range, last, y, n); });
  });
}

Tensor uniform(const Shape& shape, double low, double high, Generator& generator) {
  return uniform(shape, low, high, f32, generator);
}

Tensor randint(Index low, Index high, const Shape& shape, Generator& generator) {
  if (low >= high) throw std::invalid_argument(text("randint: low must be below high, got ", low, " and ", high));
  const std::uint64_t start = static_cast<std::uint64_t>(low), bound = static_cast<std::uint64_t>(high) - start;
  return generate<Index>(shape, generator, 1, [=](const kernels::Stream& stream, Index* y, Index n) {
    kernels::active<kernels::Random<Index>>().below(stream, bound, false, y, n);
    for (Index i = 0; i < n; ++i) y[i] = static_cast<Index>(start + static_cast<std::uint64_t>(y[i]));
  });
}

Tensor permutation(Index n, Generator& generator) {
  if (n < 0) throw std::invalid_argument(text("permutation: n must be >= 0, got ", n));
  Tensor out({n}, i64);
  if (n <= std::numeric_limits<std::int32_t>::max())
    shuffle<std::int32_t>(out.raw<Index>(), n, generator);
  else
    shuffle<Index>(out.raw<Index>(), n, generator);
  return out;
}

}  // namespace ravine
