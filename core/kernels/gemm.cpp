// Matrix products by a register tile, for large ones over packed operands.
#include <array>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

// Rows of a tile of C, of one or two vectors of columns, that stays in registers.
constexpr int tile_rows = register_bytes == 64 ? 8 : 4;
// The same over packed operands. Every so many rows all of packed B is read again, from the second-level cache.
constexpr int strip_rows = register_bytes == 64 ? 12 : register_bytes == 32 ? 6 : 4;

// Of k at a time where both operands are packed.
template <class T>
constexpr Index depth = packed_depth / sizeof(T);

// A tile's view of its operands. A loop over the tile that is left rolled would put the tile in memory, so each is
// unrolled by pragma.
template <class T>
struct Panel {
  Index k;
  const T* a;
  Index lda;
  const T* b;
  Index ldb;
  T* c;
  Index ldc;
  const T* bias;    // of these columns, or null
  bool accumulate;  // onto what c holds
  int last;         // lanes in use in the last vector
};

template <int v, int vectors, class T>
inline Vector<T> load_column(const T* p, int last) {
  return v == vectors - 1 ? load(p + v * lanes<T>, last) : load(p + v * lanes<T>);
}

/// rows x vectors of C; A is read as A[i * lda + p], or A[p * lda + i] when it is stored transposed.
template <class T, int rows, int vectors, bool transposed>
void tile(const Panel<T>& t) {
  Vector<T> c[rows][vectors], b[vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
    if (t.accumulate) {
      c[i][0] = load_column<0, vectors>(t.c + i * t.ldc, t.last);
      if constexpr (vectors == 2) c[i][1] = load_column<1, vectors>(t.c + i * t.ldc, t.last);
    } else {
      c[i][0] = t.bias ? load_column<0, vectors>(t.bias, t.last) : Vector<T>{};
      if constexpr (vectors == 2) c[i][1] = t.bias ? load_column<1, vectors>(t.bias, t.last) : Vector<T>{};
    }
  }
  const Index k = t.k, lda = t.lda, ldb = t.ldb;
  const T *column = t.a, *row = t.b;
  for (Index p = 0; p < k; ++p, row += ldb, column += transposed ? lda : 1) {
    __builtin_prefetch(row + 16 * ldb);
    if constexpr (vectors == 2) __builtin_prefetch(row + 16 * ldb + lanes<T>);
    b[0] = load_column<0, vectors>(row, t.last);
    if constexpr (vectors == 2) b[1] = load_column<1, vectors>(row, t.last);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const Vector<T> a = broadcast(column[transposed ? i : i * lda]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) c[i][v] = multiply_add<T>(a, b[v], c[i][v]);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i) {
    if constexpr (vectors == 2) store(t.c + i * t.ldc, c[i][0]);
    store(t.c + i * t.ldc + (vectors - 1) * lanes<T>, c[i][vectors - 1], t.last);
  }
}

template <class T>
using Tile = void (*)(const Panel<T>&);
template <class T, int vectors, bool transposed, int... i>
constexpr std::array<Tile<T>, tile_rows> tiles(std::integer_sequence<int, i...>) {
  return {tile<T, i + 1, vectors, transposed>...};
}
template <class T, bool transposed>
constexpr std::array<std::array<Tile<T>, tile_rows>, 2> tile_table = {
    tiles<T, 1, transposed>(std::make_integer_sequence<int, tile_rows>{}),
    tiles<T, 2, transposed>(std::make_integer_sequence<int, tile_rows>{})};

/// All rows of one panel of at most two vectors of columns.
template <class T, bool transposed>
void panel_rows(Index m, Index columns, Panel<T> t) {
  const int vectors = columns > lanes<T> ? 2 : 1;
  t.last = static_cast<int>(columns - (vectors - 1) * lanes<T>);
  const auto& table = tile_table<T, transposed>[static_cast<std::size_t>(vectors - 1)];
  for (Index i = 0; i < m; i += tile_rows) {
    const Index rows = m - i < tile_rows ? m - i : tile_rows;
    table[static_cast<std::size_t>(rows - 1)](t);
    t.a += transposed ? rows : rows * t.lda;
    t.c += rows * t.ldc;
  }
}
template <class T>
void panel(bool transposed, Index m, Index columns, const Panel<T>& t) {
  transposed ? panel_rows<T, true>(m, columns, t) : panel_rows<T, false>(m, columns, t);
}

/// d[q * ldd + r] = s[r * lds + q] for r < rows <= lanes; d is written in whole vectors, zeros beyond its rows.
template <class T, bool whole>
void transpose_block(const T* s, Index lds, int rows, int columns, T* d, Index ldd) {
  Vector<T> r[lanes<T>];
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i) {
    if constexpr (whole)
      r[i] = load(s + i * lds);
    else
      r[i] = i < rows ? load(s + i * lds, columns) : Vector<T>{};
  }
  transpose<T>(r);
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i)
    if (whole || i < columns) store(d + i * ldd, r[i]);
}
template <class T>
void transpose_strip(const T* s, Index lds, int rows, Index columns, T* d, Index ldd) {
  Index q = 0;
  if (rows == lanes<T>)
    for (; q + lanes<T> <= columns; q += lanes<T>)
      transpose_block<T, true>(s + q, lds, rows, lanes<T>, d + q * ldd, ldd);
  for (; q < columns; q += lanes<T>) {
    const int width = columns - q < lanes<T> ? static_cast<int>(columns - q) : lanes<T>;
    transpose_block<T, false>(s + q, lds, rows, width, d + q * ldd, ldd);
  }
}

/// d[p * ldd + q] = s[p * lds + q] for p < rows, q < columns.
template <class T>
void copy_strip(const T* s, Index lds, Index rows, Index columns, T* d, Index ldd) {
  const Index whole = columns / lanes<T> * lanes<T>;
  const int rest = static_cast<int>(columns - whole);
  for (Index p = 0; p < rows; ++p, s += lds, d += ldd) {
    for (Index q = 0; q < whole; q += lanes<T>) store(d + q, load(s + q));
    if (rest > 0) store(d + whole, load(s + whole, rest), rest);
  }
}

/// C = A B^T: a panel of B is transposed into a buffer, some of k at a time.
template <class T>
void product_nt(bool transpose_a, Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c,
                Index ldc, const T* bias) {
  constexpr Index width = 2 * lanes<T>, depth = 512 / sizeof(T);
  alignas(64) T packed[depth * width];
  for (Index j = 0; j < n; j += width) {
    const Index columns = n - j < width ? n - j : width;
    Index p = 0;
    do {  // once for k = 0 as well, which leaves the bias
      const Index part = k - p < depth ? k - p : depth;
      for (Index q = 0; q < columns; q += lanes<T>) {
        const int rows = columns - q < lanes<T> ? static_cast<int>(columns - q) : lanes<T>;
        transpose_strip(b + (j + q) * ldb + p, ldb, rows, part, packed + q, width);
      }
      panel(transpose_a, m, columns,
            Panel<T>{part, transpose_a ? a + p * lda : a + p, lda, packed, width, c + j, ldc, bias ? bias + j : nullptr,
                     p > 0, 0});
      p += depth;
    } while (p < k);
  }
}

/// C (m, 1) = A b for rows of A: as many rows as there are lanes, then one transposed sum.
template <class T>
void matrix_vector(Index m, Index k, const T* a, Index lda, const T* b, T* c, Index ldc, const T* bias) {
  for (Index i = 0; i < m; i += lanes<T>) {
    const int rows = m - i < lanes<T> ? static_cast<int>(m - i) : lanes<T>;
    Vector<T> r[lanes<T>] = {};
    for (Index p = 0; p < k; p += lanes<T>) {
      const int width = k - p < lanes<T> ? static_cast<int>(k - p) : lanes<T>;
      const Vector<T> v = load(b + p, width);
#pragma GCC unroll 16
      for (int q = 0; q < lanes<T>; ++q)
        if (q < rows) r[q] = multiply_add<T>(load(a + (i + q) * lda + p, width), v, r[q]);
    }
    transpose<T>(r);
#pragma GCC unroll 4
    for (int half = lanes<T> / 2; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int q = 0; q < half; ++q) r[q] += r[q + half];
    if (bias) r[0] += broadcast(*bias);
    if (ldc == 1) {
      store(c + i, r[0], rows);
      continue;
    }
    T sums[lanes<T>];
    store(sums, r[0]);
    for (int q = 0; q < rows; ++q) c[(i + q) * ldc] = sums[q];
  }
}

/// C (m, n) = A^T B for n below one vector, by way of C^T = B^T A, whose rows are long.
template <class T>
void narrow_tn(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc) {
  constexpr Index width = 2 * lanes<T>;
  alignas(64) T part[lanes<T> * width];
  for (Index i = 0; i < m; i += width) {
    const Index columns = m - i < width ? m - i : width;
    panel(true, n, columns, Panel<T>{k, b, ldb, a + i, lda, part, width, nullptr, false, 0});
    for (Index q = 0; q < columns; ++q)
      for (Index j = 0; j < n; ++j) c[(i + q) * ldc + j] = part[j * width + q];
  }
}

template <class T>
void small(const Product<T>& p) {
  const auto [transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, bias] = p;
  if (n == 1 && !transpose_a && (transpose_b || ldb == 1)) return matrix_vector(m, k, a, lda, b, c, ldc, bias);
  if (transpose_b) return product_nt(transpose_a, m, n, k, a, lda, b, ldb, c, ldc, bias);
  if (transpose_a && n < lanes<T> && m >= lanes<T> && !bias) return narrow_tn(m, n, k, a, lda, b, ldb, c, ldc);
  for (Index j = 0; j < n; j += 2 * lanes<T>)
    panel(transpose_a, m, n - j < 2 * lanes<T> ? n - j : 2 * lanes<T>,
          Panel<T>{k, a, lda, b + j, ldb, c + j, ldc, bias ? bias + j : nullptr, false, 0});
}

/// op(B) (k, n) in panels of two vectors of columns, each (k, two vectors).
template <class T>
void pack_b(bool transposed, Index k, Index n, const T* b, Index ldb, T* packed) {
  constexpr Index width = 2 * lanes<T>;
  const auto columns = [n](Index j, Index most) { return n - j < most ? n - j : most; };
  if (transposed) {
    for (Index j = 0; j < n; j += width)
      for (Index q = 0; q < columns(j, width); q += lanes<T>)
        transpose_strip(b + (j + q) * ldb, ldb, static_cast<int>(columns(j + q, lanes<T>)), k, packed + j * k + q,
                        width);
    return;
  }
  for (Index p = 0; p < k; ++p)  // row by row, as it lies in memory
    for (Index j = 0; j < n; j += width)
      copy_strip(b + p * ldb + j, ldb, 1, columns(j, width), packed + j * k + p * width, width);
}

/// op(A) (m, k) in strips of rows, each (k, strip_rows). Whole vectors are written; what they leave behind a strip's
/// rows is overwritten after.
template <class T>
void pack_a(bool transposed, Index m, Index k, const T* a, Index lda, T* packed) {
  const auto rows = [m](Index i) { return m - i < strip_rows ? m - i : strip_rows; };
  if (transposed) {
    for (Index p = 0; p < k; ++p)  // row by row, as it lies in memory
      for (Index i = 0; i < m; i += strip_rows)
        copy_strip(a + p * lda + i, lda, 1, rows(i), packed + i * k + p * strip_rows, Index{strip_rows});
    return;
  }
  for (Index i = 0; i < m; i += strip_rows)
    for (Index r = (rows(i) - 1) / lanes<T> * lanes<T>; r >= 0; r -= lanes<T>)
      transpose_strip(a + (i + r) * lda, lda, static_cast<int>(rows(i) - r < lanes<T> ? rows(i) - r : lanes<T>), k,
                      packed + i * k + r, Index{strip_rows});
}

/// C (m, n) of packed operands, onto what it holds or the bias.
template <class T>
void multiply_packed(Index m, Index n, Index k, const T* packed_a, const T* packed_b, T* c, Index ldc, const T* bias,
                     bool accumulate) {
  constexpr Index width = 2 * lanes<T>;
  for (Index i = 0; i < m; i += strip_rows)
    for (Index j = 0; j < n; j += width) {
      const Index rows = m - i, columns = n - j < width ? n - j : width;
      Panel<T> t;
      t.k = k;
      t.a = packed_a + i * k;
      t.lda = strip_rows;
      t.b = packed_b + j * k;
      t.ldb = width;
      t.c = c + i * ldc + j;
      t.ldc = ldc;
      t.bias = bias ? bias + j : nullptr;
      t.accumulate = accumulate;
      t.last = static_cast<int>(columns - lanes<T>);
      if (accumulate && rows >= strip_rows && columns == width)  // the next tile's part of C
        for (Index r = 0; r < strip_rows; ++r) {
          __builtin_prefetch(t.c + r * ldc + width, 1);
          __builtin_prefetch(t.c + r * ldc + width + lanes<T>, 1);
        }
      if (rows >= strip_rows && columns > lanes<T>)
        tile<T, strip_rows, 2, true>(t);
      else
        panel_rows<T, true>(rows < strip_rows ? rows : strip_rows, columns, t);
    }
}

template <class T>
void large(const Product<T>& product, void* workspace) {
  const auto [transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, bias] = product;
  T* const packed_b = static_cast<T*>(workspace);
  T* const packed_a = packed_b + packed_columns * (k < depth<T> ? k : depth<T>);
  for (Index i = 0; i < m; i += packed_rows)
    for (Index p = 0; p < k; p += depth<T>) {
      const Index rows = m - i < packed_rows ? m - i : packed_rows, part = k - p < depth<T> ? k - p : depth<T>;
      pack_a(transpose_a, rows, part, transpose_a ? a + p * lda + i : a + i * lda + p, lda, packed_a);
      for (Index j = 0; j < n; j += packed_columns) {
        const Index columns = n - j < packed_columns ? n - j : packed_columns;
        pack_b(transpose_b, part, columns, transpose_b ? b + j * ldb + p : b + p * ldb + j, ldb, packed_b);
        multiply_packed(rows, columns, part, packed_a, packed_b, c + i * ldc + j, ldc, bias ? bias + j : nullptr,
                        p > 0);
      }
    }
}

template <class T>
constexpr Gemm<T> table = {.small = small<T>, .large = large<T>};

}  // namespace

template <Isa isa, class T>
const Gemm<T>& gemm_table() {
  return table<T>;
}
template const Gemm<float>& gemm_table<Isa::RAVINE_KERNEL_ISA>();
template const Gemm<double>& gemm_table<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
