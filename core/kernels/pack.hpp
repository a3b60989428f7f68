/// @file
/// How operands of products are packed: in the order in which a tile reads them.
#pragma once

#include <type_traits>

#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {  // as in simd.hpp

// Rows of the tile of C, of one or two vectors of columns, that stays in registers.
constexpr int tile_rows = register_bytes == 64 ? 12 : register_bytes == 32 ? 6 : 4;

/// f(first, rows) on strips of at most so many rows, of m > 0, of nearly the same height: a tile of few rows is a slow
/// one.
template <class F>
inline void for_strips_of_rows(Index m, Index most, F f) {
  const Index strips = (m + most - 1) / most, rows = m / strips, longer = m % strips;
  for (Index s = 0, i = 0; s < strips; i += rows + (s < longer), ++s) f(i, rows + (s < longer));
}

/// Has n elements, or what would be there, brought to the second-level cache.
template <class T>
inline void fetch(const T* p, Index n) {
  for (Index i = 0; i < n; i += 64 / sizeof(T)) __builtin_prefetch(p + i, 0, 2);
}

/// f(whole, width) along k: whether the square is whole, and how much of it there is.
template <class T, class F>
inline void for_squares(Index k, bool whole, F f) {
  for (; whole && k >= lanes<T>; k -= lanes<T>) f(std::true_type{}, lanes<T>);
  for (; k > 0; k -= lanes<T>) f(std::false_type{}, k < lanes<T> ? static_cast<int>(k) : lanes<T>);
}

/// d[q * ldd + r] = s[r * lds + q] for r < rows <= lanes; d is written in whole vectors, zeros beyond its rows. Or in
/// pieces, which are not transposed, and whole squares.
template <bool pieces = false, class T>
void transpose_strip(const T* s, Index lds, int rows, Index columns, T* d, Index ldd) {
  const auto square = [&](auto whole, int width) __attribute__((always_inline)) {
    Vector<T> r[lanes<T>];
    load_pieces<whole()>(s, lds, rows, width, r);
#pragma GCC unroll 16
    for (int i = 0; i < lanes<T>; ++i) {
      if (!pieces && i % piece<T> == 0) transpose_pieces<T>(r + i);
      if (pieces || i < width) store(d + i * ldd, r[i]);
    }
    s += lanes<T>;
    d += lanes<T> * ldd;
  };
  for_squares<T>(columns, rows == lanes<T>, square);
}

/// So many elements; the last vector may be written as a whole, with zeros.
template <bool whole, class T>
void copy_row(const T* s, Index n, T* d) {
  for (; n >= lanes<T>; n -= lanes<T>, s += lanes<T>, d += lanes<T>) store(d, load(s));
  const int rest = static_cast<int>(n);
  if (rest > 0) store(d, load(s, rest), whole ? lanes<T> : rest);
}

/// op(B) (k, n) in panels of two vectors of columns, each (k, two vectors).
template <class T>
void pack_b(bool transposed, Index k, Index n, const T* b, Index ldb, T* packed) {
  constexpr Index width = 2 * lanes<T>;
  const auto columns = [n](Index j, Index most) { return n - j < most ? n - j : most; };
  if (transposed) {
    for (Index j = 0; j < n; j += lanes<T>)
      transpose_strip(b + j * ldb, ldb, static_cast<int>(columns(j, lanes<T>)), k,
                      packed + j / width * width * k + j % width, width);
    return;
  }
  for (Index p = 0; p < k; ++p)  // row by row, as it lies in memory
    for (Index j = 0; j < n; j += width) {
      fetch(b + (p + 3) * ldb + j, width);
      copy_row<true>(b + p * ldb + j, columns(j, width), packed + j * k + p * width);
    }
}

/// n rounded up to whole vectors.
template <class T>
constexpr Index in_whole(Index n) {
  return (n + lanes<T> - 1) / lanes<T> * lanes<T>;
}

/// B^T in panels of one vector of columns, in pieces, each (k in whole vectors, one vector).
template <class T>
void pack_pieces(Index k, Index n, const T* b, Index ldb, T* packed) {
  for (Index j = 0; j < n; j += lanes<T>)
    transpose_strip<true>(b + j * ldb, ldb, static_cast<int>(n - j < lanes<T> ? n - j : lanes<T>), k,
                          packed + j * in_whole<T>(k), Index{lanes<T>});
}

/// op(A) (m, k) in strips of rows, each (k, tile_rows). Whole vectors are written; what they leave behind a strip's
/// rows is overwritten after.
template <class T>
void pack_a(bool transposed, Index m, Index k, const T* a, Index lda, T* packed) {
  if (transposed) {
    for (Index p = 0; p < k; ++p) {  // row by row, as it lies in memory
      T* to = packed + p * tile_rows;
      fetch(a + (p + 3) * lda, m);
      for_strips_of_rows(m, tile_rows, [&](Index i, Index rows) {
        const T* const from = a + p * lda + i;
        if (rows == tile_rows)
          std::memcpy(to, from, tile_rows * sizeof(T));
        else
          copy_row<false>(from, rows, to);
        to += k * tile_rows;
      });
    }
    return;
  }
  for_strips_of_rows(m, tile_rows, [&](Index i, Index rows) {
    for (Index r = (rows - 1) / lanes<T> * lanes<T>; r >= 0; r -= lanes<T>)
      transpose_strip(a + (i + r) * lda, lda, static_cast<int>(rows - r < lanes<T> ? rows - r : lanes<T>), k,
                      packed + r, Index{tile_rows});
    packed += k * tile_rows;
  });
}

}  // namespace
}  // namespace ravine::kernels
