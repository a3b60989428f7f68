// Random numbers: blocks of Philox4x32-10, several at a time, and what is made of them.
//
// Normal samples need a logarithm, a sine and a cosine, and those of the system differ from machine to machine. These
// are Taylor's series with as many terms as the type can tell apart, in plain arithmetic: the same bits everywhere
// (this file is compiled without fused operations).
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

__extension__ using Wide = unsigned __int128;
using Words = Vector<std::uint64_t>;
constexpr int together = lanes<std::uint64_t>;  // blocks

constexpr Index batch = 64;                                 // blocks whose words are made before they are used
static_assert(std::endian::native == std::endian::little);  // two words of a block are one of 64 bits

/// The products of the lower halves of lanes.
inline Words half_product(Words a, std::uint64_t b) {
#if defined(__AVX512F__)
  return (Words)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64(static_cast<long long>(b)));
#elif defined(__AVX2__)
  return (Words)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x(static_cast<long long>(b)));
#elif defined(__SSE2__)
  return (Words)_mm_mul_epu32((__m128i)a, _mm_set1_epi64x(static_cast<long long>(b)));
#else
  return (a & 0xffffffff) * b;
#endif
}

inline Words exclusive_or(Words a, Words b, std::uint64_t c) {
#if defined(__AVX512F__)
  return (Words)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, _mm512_set1_epi64(static_cast<long long>(c)), 0x96);
#else
  return a ^ b ^ c;
#endif
}

template <int... lane>
inline void store_pairs(std::uint64_t* y, Words first, Words second, std::integer_sequence<int, lane...>) {
  store(y, __builtin_shufflevector(first, second, (lane / 2 + lane % 2 * together)...));
  store(y + together, __builtin_shufflevector(first, second, (lane / 2 + together / 2 + lane % 2 * together)...));
}

/// The words of `batch` blocks of the stream of `seed`, two in each of y. A lane makes a block; its four 32-bit numbers
/// stand in the lower halves, and what is in the upper ones does not count.
void make_blocks(std::uint64_t seed, std::uint64_t position, std::uint64_t* y) {
  constexpr std::uint64_t half = 0xffffffff;
  for (Index i = 0; i < batch; i += together, y += 2 * together) {
    Words c0 = positions<std::uint64_t>() + (position + static_cast<std::uint64_t>(i)), c1 = c0 >> 32, c2{}, c3{};
    std::uint64_t k0 = seed, k1 = seed >> 32;
#pragma GCC unroll 10
    for (int round = 0; round < 10; ++round) {
      const Words p0 = half_product(c0, 0xD2511F53), p1 = half_product(c2, 0xCD9E8D57);
      c0 = exclusive_or(p1 >> 32, c1, k0);
      c1 = p1;
      c2 = exclusive_or(p0 >> 32, c3, k1);
      c3 = p0;
      k0 += 0x9E3779B9;  // the golden ratio
      k1 += 0xBB67AE85;  // sqrt(3) - 1
    }
    store_pairs(y, (c0 & half) | c1 << 32, (c2 & half) | c3 << 32, std::make_integer_sequence<int, together>{});
  }
}

/// As many random bits as T has: one word of a block for float, two for double.
template <class T>
using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
template <class T>
using Signed = std::make_signed_t<Bits<T>>;

template <class T>
constexpr int width = 8 * sizeof(T);
template <class T>
constexpr int digits = std::numeric_limits<T>::digits;

/// make(words, elements, n) turns a batch's words into n elements; of the first and the last batch not all are used.
template <class T, class Make>
inline void generate(const Stream& stream, T* y, Index n, Make make) {
  constexpr Index each = batch * 16 / static_cast<Index>(sizeof(T));
  std::uint64_t blocks[2 * batch];
  Bits<T> words[each];
  T made[each];
  Index skipped = stream.skipped;
  for (std::uint64_t position = stream.position; n > 0; position += batch) {
    const Index count = n < each - skipped ? n : each - skipped;
    make_blocks(stream.seed, position, blocks);
    std::memcpy(words, blocks, sizeof words);
    make(words, count < each ? made : y, each);
    if (count < each) std::memcpy(y, made + skipped, static_cast<std::size_t>(count) * sizeof(T));
    y += count;
    n -= count;
    skipped = 0;
  }
}

/// 2^-k, for k < 64.
template <class T>
constexpr T two_to_minus(int k) {
  return T{1} / static_cast<T>(std::uint64_t{1} << k);
}

/// Uniform in [0, 1), from as many of the upper bits as T can hold.
template <class T>
inline T unit(Bits<T> bits) {
  return static_cast<T>(static_cast<Signed<T>>(bits >> (width<T> - digits<T>))) * two_to_minus<T>(digits<T>);
}

template <class T>
void uniform(const Stream& stream, T low, T range, T last, T* y, Index n) {
  generate(stream, y, n, [=](const Bits<T>* words, T* elements, Index count) {
#pragma omp simd
    for (Index i = 0; i < count; ++i) {
      const T sample = low + range * unit<T>(words[i]);
      elements[i] = sample < last ? sample : last;
    }
  });
}

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
inline T polynomial(T z, const std::array<T, n>& c) {
  T sum = c[n - 1];
  for (std::size_t k = n - 1; k-- > 0;) sum = sum * z + c[k];
  return sum;
}

/// log(x) for normal x > 0: x = 2^e m with m in [sqrt(1/2), sqrt(2)), and log(m) = 2 atanh((m - 1) / (m + 1)).
template <class T>
inline T log_of(T x) {
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
inline void box_muller(Bits<T> a, Bits<T> b, T* samples) {
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

template <class T>
void normal(const Stream& stream, T* y, Index n) {
  generate(stream, y, n, [](const Bits<T>* words, T* elements, Index count) {
#pragma omp simd
    for (Index i = 0; i < count; i += 2) box_muller(words[i], words[i + 1], elements + i);
  });
}

// 128 random bits, as a fraction of 2^128, times the bound. The lower 64 count if they carry, which is rare.
void below(const Stream& stream, std::uint64_t bound, bool falling, Index* y, Index n) {
  std::uint64_t words[2 * batch];
  for (Index begin = 0; begin < n; begin += batch) {
    make_blocks(stream.seed, stream.position + static_cast<std::uint64_t>(begin), words);
    const Index count = n - begin < batch ? n - begin : batch;
    for (Index k = 0; k < count; ++k, bound -= falling) {
      Wide product = Wide{words[2 * k + 1]} * bound;
      if (static_cast<std::uint64_t>(product) > -bound) [[unlikely]]
        product += Wide{words[2 * k]} * bound >> 64;
      y[begin + k] = static_cast<Index>(static_cast<std::uint64_t>(product >> 64));
    }
  }
}

template <class T>
constexpr Random<T> table = {.uniform = uniform<T>, .normal = normal<T>};
template <>
constexpr Random<Index> table<Index> = {.below = below};

}  // namespace

template <class T>
template <Isa isa>
const Random<T>& Random<T>::compiled() {
  return table<T>;
}
template const Random<float>& Random<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Random<double>& Random<double>::compiled<Isa::RAVINE_KERNEL_ISA>();
template <>
const Random<Index>& Random<Index>::compiled<Isa::RAVINE_KERNEL_ISA>() {
  return table<Index>;
}

}  // namespace ravine::kernels
