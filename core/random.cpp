#include <ravine/core/random.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include <ravine/core/factories.hpp>
#include <ravine/core/shard.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

using detail::text;
using Block = std::array<std::uint32_t, 4>;
__extension__ using Wide = unsigned __int128;

/// As many random bits as T has: one word of a block for float, two for double.
template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
template <class T>
using Signed = std::make_signed_t<Bits<T>>;

template <class T>
constexpr int width = 8 * sizeof(T);
template <class T>
constexpr int digits = std::numeric_limits<T>::digits;

/// 2^-k, for k < 64.
template <class T>
constexpr T two_to_minus(int k) {
  return T{1} / static_cast<T>(std::uint64_t{1} << k);
}

std::uint64_t join(std::uint32_t low, std::uint32_t high) { return low | std::uint64_t{high} << 32; }

/// 128 random bits, as a fraction of 2^128, times bound: an integer in [0, bound).
std::uint64_t below(std::uint64_t low, std::uint64_t high, std::uint64_t bound) {
  return static_cast<std::uint64_t>((Wide{high} * bound + (Wide{low} * bound >> 64)) >> 64);
}

/// Uniform in [0, 1), from as many of the upper bits as T can hold.
template <class T>
T unit(Bits<T> bits) {
  return static_cast<T>(static_cast<Signed<T>>(bits >> (width<T> - digits<T>))) * two_to_minus<T>(digits<T>);
}

// Normal samples need a logarithm, a sine and a cosine, and those of the system differ from machine to machine. These
// are Taylor's series with as many terms as the type can tell apart, in plain arithmetic: the same bits everywhere
// (this file is compiled without fused operations), in loops that the compiler can vectorise.

template <class T>
constexpr auto atanh_series = [] {  // atanh(s) / s in powers of s^2: 1 / (2k + 1); here s^2 < 0.0295
  std::array<T, std::is_same_v<T, float> ? 5 : 10> c{};
  for (std::size_t k = 0; k < c.size(); ++k) c[k] = T{1} / static_cast<T>(2 * k + 1);
  return c;
}();

template <class T, bool sine>
constexpr auto trigonometric_series = [] {  // cos(x) or sin(x) / x in powers of x^2; here |x| <= pi / 4
  std::array<T, std::is_same_v<T, float> ? 6 : 9> c{};
  double factorial = 1.0;  // of 2k, or 2k + 1, with the sign of (-1)^k
  for (std::size_t k = 0; k < c.size(); ++k) {
    if (k > 0) factorial *= -static_cast<double>(sine ? 2 * k * (2 * k + 1) : (2 * k - 1) * 2 * k);
    c[k] = static_cast<T>(1.0 / factorial);
  }
  return c;
}();

/// c[0] + c[1] z + c[2] z^2 + ...
template <class T, std::size_t n>
T polynomial(T z, const std::array<T, n>& c) {
  T sum = c[n - 1];
  for (std::size_t k = n - 1; k-- > 0;) sum = sum * z + c[k];
  return sum;
}

/// log(x) for normal x > 0: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log(m) = 2 atanh((m - 1) / (m + 1)).
template <class T>
T log_of(T x) {
  constexpr auto sqrt_half = std::bit_cast<Signed<T>>(static_cast<T>(std::numbers::sqrt2 / 2));
  constexpr int mantissa = digits<T> - 1;
  const auto bits = std::bit_cast<Signed<T>>(x);
  const Signed<T> e = (bits - sqrt_half) >> mantissa;
  const T m = std::bit_cast<T>(bits - (e << mantissa)), s = (m - 1) / (m + 1);
  return static_cast<T>(e) * std::numbers::ln2_v<T> + 2 * s * polynomial(s * s, atanh_series<T>);
}

/// Two independent normal samples: sqrt(-2 log u) times the cosine and the sine of a random angle.
/// Source: Box, Muller: A note on the generation of random normal deviates (1958).
template <class T>
void box_muller(Bits<T> a, Bits<T> b, T* samples) {
  // u is in (0, 1]: never 0, and spaced the finer the smaller it is.
  const T u = (static_cast<T>(static_cast<Signed<T>>(a >> 1)) + T(0.5)) * two_to_minus<T>(width<T> - 1);
  const T radius = std::sqrt(-2 * log_of(u));
  // b is the angle in units of 2^-width turns: some quarter turns, and a rest within pi / 4 of them.
  constexpr int quarter = width<T> - 2;
  const Bits<T> quarters = (b + (Bits<T>{1} << (quarter - 1))) >> quarter;
  const auto rest = static_cast<Signed<T>>(b - (quarters << quarter));
  const T x = static_cast<T>(rest) * (std::numbers::pi_v<T> / 2 * two_to_minus<T>(quarter));
  const T cosine = polynomial(x * x, trigonometric_series<T, false>);
  const T sine = x * polynomial(x * x, trigonometric_series<T, true>);
  const T r = quarters & 2 ? -radius : radius;
  samples[0] = r * (quarters & 1 ? -sine : cosine);
  samples[1] = r * (quarters & 1 ? cosine : sine);
}

/// Words of random bits, as wide as the elements of type T that they become.
template <class T>
void unpack(const Block& block, Bits<T>* words) {
  if constexpr (sizeof(T) == 4) {
    std::copy(block.begin(), block.end(), words);
  } else {
    words[0] = join(block[0], block[1]);
    words[1] = join(block[2], block[3]);
  }
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

/// A new tensor; make(words, elements, n) turns n random words into n / words_each elements.
template <class T, Index words_each, class Make>
Tensor generate(const Shape& shape, Generator& generator, Make make) {
  constexpr Index words_per_block = 16 / sizeof(T), per_block = words_per_block / words_each;
  constexpr Index batch = 64 * per_block;  // elements made at a time
  Tensor out(shape, dtype_of<T>());
  T* elements = out.raw<T>();
  const auto [before, all] = drawn(shape);
  const Generator stream = generator;
  const std::uint64_t first = generator.reserve(static_cast<std::uint64_t>((all + per_block - 1) / per_block));
  detail::parallel_for(out.numel(), detail::parallel_grain, [&, skipped = before](Index begin, Index end) {
    Bits<T> words[batch * words_each];
    T made[batch];
    for (Index i = skipped + begin; i < skipped + end;) {
      const Index start = i / per_block * per_block;  // of the block that holds i
      const Index count = std::min(skipped + end - start, batch), blocks = (count + per_block - 1) / per_block;
      const std::uint64_t position = first + static_cast<std::uint64_t>(start / per_block);
      for (Index b = 0; b < blocks; ++b)
        unpack<T>(stream.block(position + static_cast<std::uint64_t>(b)), words + b * words_per_block);
      make(words, made, blocks * words_per_block);
      std::copy(made + (i - start), made + count, elements + (i - skipped));
      i = start + count;
    }
  });
  return out;
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

double Generator::next_uniform() { return unit<double>(next()); }

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
    return generate<T, 1>(shape, generator, [](const Bits<T>* words, T* elements, Index n) {
      for (Index i = 0; i < n; i += 2) box_muller(words[i], words[i + 1], elements + i);
    });
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
    return generate<T, 1>(shape, generator, [=](const Bits<T>* words, T* elements, Index n) {
      for (Index i = 0; i < n; ++i) elements[i] = std::min(first + range * unit<T>(words[i]), last);
    });
  });
}

Tensor uniform(const Shape& shape, double low, double high, Generator& generator) {
  return uniform(shape, low, high, f32, generator);
}

Tensor randint(Index low, Index high, const Shape& shape, Generator& generator) {
  if (low >= high) throw std::invalid_argument(text("randint: low must be below high, got ", low, " and ", high));
  const std::uint64_t start = static_cast<std::uint64_t>(low), bound = static_cast<std::uint64_t>(high) - start;
  return generate<Index, 2>(shape, generator, [=](const std::uint64_t* words, Index* elements, Index n) {
    for (Index i = 0; i < n; i += 2) elements[i / 2] = static_cast<Index>(start + below(words[i], words[i + 1], bound));
  });
}

Tensor permutation(Index n, Generator& generator) {
  if (n < 0) throw std::invalid_argument(text("permutation: n must be >= 0, got ", n));
  Tensor out = arange(n, i64);
  Index* elements = out.raw<Index>();
  for (Index i = n - 1; i > 0; --i) std::swap(elements[i], elements[generator.next_below(i + 1)]);
  return out;
}

}  // namespace ravine
