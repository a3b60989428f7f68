/// @file
/// One vector register of this compilation's instruction set; for kernels that place their registers by hand.
#pragma once

#include <cstddef>
#include <cstring>
#include <utility>

#include <ravine/core/dtype.hpp>
#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace ravine::kernels {
namespace {  // the sources that include this are compiled for several instruction sets: nothing may be shared

#if defined(__AVX512F__)
constexpr std::size_t register_bytes = 64;
#elif defined(__AVX2__)
constexpr std::size_t register_bytes = 32;
#else
constexpr std::size_t register_bytes = 16;
#endif

template <class T>
constexpr int lanes = register_bytes / sizeof(T);

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(register_bytes)));
};
/// A register of T; + - * work on lanes.
template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
inline Vector<T> load(const T* p) {
  Vector<T> v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
template <class T>
inline void store(T* p, Vector<T> v) {
  std::memcpy(p, &v, sizeof v);
}
template <class T>
inline Vector<T> broadcast(T value) {
  return value - Vector<T>{};
}

/// a * b + c on lanes, rounded once where the processor can. Written out, the compiler would fuse it in one place and
/// not in another, and a result's bits would depend on its place.
template <class T>
inline Vector<T> multiply_add(Vector<T> a, Vector<T> b, Vector<T> c) {
#if defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
  else
    return (Vector<T>)_mm512_fmadd_pd((__m512d)a, (__m512d)b, (__m512d)c);
#elif defined(__FMA__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
  else
    return (Vector<T>)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif defined(__aarch64__)
  if constexpr (sizeof(T) == 4)
    return (Vector<T>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
  else
    return (Vector<T>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#else
  return a * b + c;
#endif
}

/// The same, where a sum keeps its register: with none to spare g++ 12 would write sums to memory.
template <class T>
inline Vector<T> add_product(Vector<T> a, Vector<T> b, Vector<T> c) {
#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
  if constexpr (sizeof(T) == 4)
    asm("vfmadd231ps %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
  else
    asm("vfmadd231pd %2, %1, %0" : "+x"(c) : "x"(a), "x"(b));
  return c;
#else
  return multiply_add<T>(a, b, c);
#endif
}

#if defined(__AVX2__) && !defined(__AVX512F__)
/// All bits of the first `count` lanes.
template <class T>
inline __m256i mask(int count) {
  if constexpr (sizeof(T) == 4)
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  else
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_setr_epi64x(0, 1, 2, 3));
}
#endif

/// The first `count` lanes from memory, those of `rest` in the others; 0 <= count <= lanes. Reads nothing beyond.
template <class T>
inline Vector<T> load(const T* p, int count, Vector<T> rest = Vector<T>{}) {
  if (count == lanes<T>) return load(p);
#if defined(__AVX512F__)
  const unsigned used = (1U << count) - 1;
  if constexpr (sizeof(T) == 4) return (Vector<T>)_mm512_mask_loadu_ps((__m512)rest, static_cast<__mmask16>(used), p);
  if constexpr (sizeof(T) == 8) return (Vector<T>)_mm512_mask_loadu_pd((__m512d)rest, static_cast<__mmask8>(used), p);
#elif defined(__AVX2__)
  const __m256i used = mask<T>(count), others = (__m256i)rest & ~used;
  if constexpr (sizeof(T) == 4) return (Vector<T>)((__m256i)_mm256_maskload_ps((const float*)p, used) | others);
  if constexpr (sizeof(T) == 8) return (Vector<T>)((__m256i)_mm256_maskload_pd((const double*)p, used) | others);
#endif
  for (int i = 0; i < count; ++i) rest[i] = p[i];
  return rest;
}
template <int half, class V, int... lane>
inline V exchanged(V v, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(v, v, (lane ^ half)...);
}
/// The first `count` lanes to memory. Without AVX-512 half of them, a quarter, …: AVX2's masked store takes dozens of
/// cycles on Zen 3.
template <class T, int part = lanes<T>>
inline void store(T* p, Vector<T> v, int count) {
#if defined(__AVX512F__)
  if (count == lanes<T>) return store(p, v);
  if constexpr (sizeof(T) == 4) return _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1U << count) - 1), (__m512)v);
  if constexpr (sizeof(T) == 8) return _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1U << count) - 1), (__m512d)v);
#else
  if (count & part) {
    std::memcpy(p, &v, part * sizeof(T));
    if (part == lanes<T>) return;
    p += part;
    v = exchanged<part>(v, std::make_integer_sequence<int, lanes<T>>{});
  }
  if constexpr (part > 1) store<T, part / 2>(p, v, count);
#endif
}

/// A strip of columns that a loop over rows takes at a time: whole registers but perhaps for the last one. `each` is
/// unrolled, so that an array of as many registers, as long as it is indexed in nothing but `each`, is in registers.
template <class T, int count>
struct Strip {
  static constexpr int vectors = count;
  int last;  // lanes in use in the last register

  template <class F>
  static void each(F f) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; ++v) f(v);
  }
  Vector<T> load(const T* row, int v, Vector<T> rest = Vector<T>{}) const {
    return count > 1 ? kernels::load(row + v * lanes<T>) : kernels::load(row, last, rest);
  }
  void store(T* row, int v, Vector<T> value) const {
    count > 1 ? kernels::store(row + v * lanes<T>, value) : kernels::store(row, value, last);
  }
};

/// f(strip, first) on strips of four registers, then of one, from their first column.
template <class T, class F>
inline void for_strips(Index columns, F f) {
  Index first = 0;
  for (; first + 4 * lanes<T> <= columns; first += 4 * lanes<T>) f(Strip<T, 4>{lanes<T>}, first);
  for (; first < columns; first += lanes<T>)
    f(Strip<T, 1>{columns - first < lanes<T> ? static_cast<int>(columns - first) : lanes<T>}, first);
}

template <class T, int... lane>
inline Vector<T> positions(std::integer_sequence<int, lane...>) {
  return Vector<T>{static_cast<T>(lane)...};
}
/// 0, 1, 2, … in the lanes.
template <class T>
inline Vector<T> positions() {
  return positions<T>(std::make_integer_sequence<int, lanes<T>>{});
}

/// f over all lanes: of two halves of the register, then of quarters, …
template <class T, int half = lanes<T> / 2, class F>
inline T fold(Vector<T> v, F f) {
  if constexpr (half > 0)
    return fold<T, half / 2>(f(v, exchanged<half>(v, std::make_integer_sequence<int, lanes<T>>{})), f);
  else
    return v[0];
}

template <int half, class V, int... lane>
inline void exchange(V& a, V& b, std::integer_sequence<int, lane...>) {
  constexpr int n = sizeof...(lane);
  const V low = __builtin_shufflevector(a, b, (lane & half ? n + lane - half : lane)...);
  b = __builtin_shufflevector(a, b, (lane & half ? n + lane : lane + half)...);
  a = low;
}

/// In each 16 bytes: the lower elements of a and b in turn, and the upper ones.
template <class V, int... lane>
inline void interleave(V& a, V& b, std::integer_sequence<int, lane...>) {
  constexpr int n = sizeof...(lane), piece = n * 16 / static_cast<int>(register_bytes);
  const V low = __builtin_shufflevector(a, b, (lane / piece * piece + lane % piece / 2 + lane % 2 * n)...);
  b = __builtin_shufflevector(a, b, (lane / piece * piece + lane % piece / 2 + piece / 2 + lane % 2 * n)...);
  a = low;
}

/// Elements in 16 bytes.
template <class T>
constexpr int piece = 16 / sizeof(T);

/// Transposes the squares of pieces that as many registers hold as a piece has elements.
template <class T>
inline void transpose_pieces(Vector<T>* r) {
#pragma GCC unroll 2
  for (int stage = piece<T>; stage > 1; stage /= 2) {
    Vector<T> s[piece<T>];
#pragma GCC unroll 2
    for (int i = 0; i < piece<T> / 2; ++i) {
      s[2 * i] = r[i];
      s[2 * i + 1] = r[i + piece<T> / 2];
      interleave(s[2 * i], s[2 * i + 1], std::make_integer_sequence<int, lanes<T>>{});
    }
#pragma GCC unroll 4
    for (int i = 0; i < piece<T>; ++i) r[i] = s[i];
  }
}

/// Of a square, a row in each register, brings pieces to where they are in the transposed one: exchanges blocks of half
/// the size off the diagonal, then quarters, …
template <class T, int half = lanes<T> / 2>
inline void exchange_pieces(Vector<T> (&r)[lanes<T>]) {
  if constexpr (half >= piece<T>) {
#pragma GCC unroll 16
    for (int i = 0; i < lanes<T>; ++i)
      if (!(i & half)) exchange<half>(r[i], r[i + half], std::make_integer_sequence<int, lanes<T>>{});
    exchange_pieces<T, half / 2>(r);
  }
}

/// Transposes as many registers as one has lanes.
template <class T>
inline void transpose(Vector<T> (&r)[lanes<T>]) {
  exchange_pieces<T>(r);
#pragma GCC unroll 16
  for (int first = 0; first < lanes<T>; first += piece<T>) transpose_pieces<T>(r + first);
}

/// The same pointer, of which the compiler does not know how it came about: where it does, it keeps the distance of
/// each row from the first one, which are more than there are registers.
template <class T>
inline T* unrelated(T* p) {
  asm("" : "+r"(p));
  return p;
}

/// Of a square in memory, whose rows stand lds apart, its pieces exchanged: row i.
template <class T>
inline Vector<T> load_pieces(const T* s, Index lds, int i) {
  const T* p = s + i % piece<T> * lds + i / piece<T> * piece<T>;
#if defined(__AVX2__)
  return (Vector<T>)_mm256_loadu2_m128((const float*)(p + piece<T> * lds), (const float*)p);
#else
  return load(p);
#endif
}
/// All of them.
template <class T>
inline void load_pieces(const T* s, Index lds, Vector<T> (&r)[lanes<T>]) {
#if defined(__AVX512F__)
  constexpr int size = piece<T>;
  const T* const rows[4] = {s, unrelated(s + size * lds), unrelated(s + 2 * size * lds), unrelated(s + 3 * size * lds)};
  const auto halves = [&](int q, Index at) {  // not by shuffles, which transposing has enough of
    const float *p = (const float*)(rows[q] + at), *next = (const float*)(rows[q + 1] + at);
    return (Vector<T>)_mm512_insertf32x8(_mm512_castps256_ps512(_mm256_loadu_ps(p)), _mm256_loadu_ps(next), 1);
  };
#pragma GCC unroll 4
  for (int i = 0; i < size; ++i)
#pragma GCC unroll 2
    for (int h = 0; h < 2 * size; h += size) {
      const Vector<T> x = halves(0, i * lds + 2 * h), y = halves(2, i * lds + 2 * h);
      r[2 * h + i] = (Vector<T>)_mm512_shuffle_f32x4((__m512)x, (__m512)y, 0x88);
      r[2 * h + size + i] = (Vector<T>)_mm512_shuffle_f32x4((__m512)x, (__m512)y, 0xdd);
    }
#else
#pragma GCC unroll 8
  for (int i = 0; i < lanes<T>; ++i) r[i] = load_pieces(s, lds, i);
#endif
}

/// The same of fewer rows or columns unless it is whole, and zeros beyond.
template <bool whole, class T>
inline void load_pieces(const T* s, Index lds, int rows, int columns, Vector<T> (&r)[lanes<T>]) {
  if constexpr (whole) return load_pieces<T>(s, lds, r);
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i) r[i] = i < rows ? load(s + i * lds, columns) : Vector<T>{};
  exchange_pieces<T>(r);
}

/// The piece at p, or `count` elements of it and zeros, in all of a register.
template <class T, int... lane>
inline Vector<T> repeat(Vector<T> v, std::integer_sequence<int, lane...>) {
  return __builtin_shufflevector(v, v, (lane % piece<T>)...);
}
template <class T>
inline Vector<T> load_repeated(const T* p, int count) {
  if (count < piece<T>) return repeat<T>(load(p, count), std::make_integer_sequence<int, lanes<T>>{});
#if defined(__AVX512F__)
  return (Vector<T>)_mm512_broadcast_f32x4(_mm_loadu_ps((const float*)p));
#elif defined(__AVX2__)
  return (Vector<T>)_mm256_broadcast_ps((const __m128*)p);
#else
  return load(p);
#endif
}

}  // namespace
}  // namespace ravine::kernels
