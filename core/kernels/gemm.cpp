// Matrix products by a register tile, for large ones over packed operands.
#include <array>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

// Rows of the tile of C, of one or two vectors of columns, that stays in registers.
constexpr int tile_rows = register_bytes == 64 ? 12 : register_bytes == 32 ? 6 : 4;

// A tile's view of its operands. A loop over the tile that is left rolled would put the tile in memory, so each is
// unrolled by pragma.
template <class T>
struct Panel {
  Index k;
  const T* a;  // op(A) (i, p) is a[i * row + p * step]
  Index row, step;
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

/// The same pointer, of which the compiler does not know how it came about: where it does, it keeps the distance of
/// each row from the first one, which are more than there are registers.
template <class T>
inline T* unrelated(T* p) {
  asm("" : "+r"(p));
  return p;
}

/// rows x vectors of C.
template <class T, int rows, int vectors>
void tile(const Panel<T>& panel) {
  Panel<T> t = panel;  // a copy, so that no store to C can change it
  Vector<T> c[rows][vectors], b[vectors] = {};
  if (!t.accumulate && t.bias) {
    b[0] = load_column<0, vectors>(t.bias, t.last);
    if constexpr (vectors == 2) b[1] = load_column<1, vectors>(t.bias, t.last);
  }
  T* row = t.c;
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, row = unrelated(row + t.ldc)) {
    c[i][0] = t.accumulate ? load_column<0, vectors>(row, t.last) : b[0];
    if constexpr (vectors == 2) c[i][1] = t.accumulate ? load_column<1, vectors>(row, t.last) : b[1];
  }
  constexpr int groups = (rows + 3) / 4;
  const T* a[groups];  // a pointer for every four rows
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g) a[g] = unrelated(t.a + 4 * g * t.row);
  for (Index p = 0; p < t.k; ++p) {
    __builtin_prefetch(t.b + 16 * t.ldb);
    if constexpr (vectors == 2) __builtin_prefetch(t.b + 16 * t.ldb + lanes<T>);
    b[0] = load_column<0, vectors>(t.b, t.last);
    if constexpr (vectors == 2) b[1] = load_column<1, vectors>(t.b, t.last);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const Vector<T> element = broadcast(a[i / 4][i % 4 * t.row]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) c[i][v] = multiply_add<T>(element, b[v], c[i][v]);
    }
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g) a[g] += t.step;
    t.b += t.ldb;
  }
  row = t.c;
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, row = unrelated(row + t.ldc)) {
    if constexpr (vectors == 2) store(row, c[i][0]);
    store(row + (vectors - 1) * lanes<T>, c[i][vectors - 1], t.last);
  }
}

template <class T>
using Tile = void (*)(const Panel<T>&);
template <class T, int vectors, int... i>
constexpr std::array<Tile<T>, tile_rows> tiles(std::integer_sequence<int, i...>) {
  return {tile<T, i + 1, vectors>...};
}
template <class T>
constexpr std::array<std::array<Tile<T>, tile_rows>, 2> tile_table = {
    tiles<T, 1>(std::make_integer_sequence<int, tile_rows>{}),
    tiles<T, 2>(std::make_integer_sequence<int, tile_rows>{})};

/// At most tile_rows rows and two vectors of columns.
template <class T>
void run_tile(Index rows, Index columns, Panel<T>& t) {
  const int vectors = columns > lanes<T> ? 2 : 1;
  t.last = static_cast<int>(columns - (vectors - 1) * lanes<T>);
  tile_table<T>[static_cast<std::size_t>(vectors - 1)][static_cast<std::size_t>(rows - 1)](t);
}

/// f(first, rows) on strips of at most so many rows, of nearly the same height: a tile of few rows is a slow one.
template <class F>
void for_strips_of_rows(Index m, Index most, F f) {
  const Index strips = (m + most - 1) / most;
  for (Index s = 0, i = 0; s < strips; ++s) {
    const Index rows = (m - i + strips - s - 1) / (strips - s);
    f(i, rows);
    i += rows;
  }
}

/// At most so many rows of an operand as it lies in memory: where all begin in the same lines of a first-level cache,
/// no more than it keeps of those.
template <class T>
Index rows_at_once(Index distance) {
  return static_cast<std::size_t>(distance) * sizeof(T) % 4096 == 0 && tile_rows > 8 ? 8 : tile_rows;
}

/// Has n elements, or what would be there, brought to the second-level cache.
template <class T>
inline void fetch(const T* p, Index n) {
  for (Index i = 0; i < n; i += 64 / sizeof(T)) __builtin_prefetch(p + i, 0, 2);
}

/// All rows of one panel of at most two vectors of columns.
template <class T>
void panel(Index m, Index columns, Panel<T> t) {
  for_strips_of_rows(m, rows_at_once<T>(t.row), [&](Index, Index rows) {
    run_tile(rows, columns, t);
    t.a += rows * t.row;
    t.c += rows * t.ldc;
  });
}

/// All of C by operands as they lie: `depth` rows of B at a time for all panels.
template <class T>
void panels(Index m, Index n, Index depth, const Panel<T>& whole) {
  constexpr Index width = 2 * lanes<T>;
  Index p = 0;
  do {  // once for k = 0 as well, which leaves the bias
    Panel<T> t = whole;
    t.k = whole.k - p < depth ? whole.k - p : depth;
    t.a += p * t.step;
    t.b += p * t.ldb;
    t.accumulate = p > 0;
    for (Index j = 0; j < n; j += width) {
      panel(m, n - j < width ? n - j : width, t);
      t.b += width;
      t.c += width;
      if (t.bias) t.bias += width;
    }
    p += depth;
  } while (p < whole.k);
}

/// r[q][i] = s[i * lds + q] for i < rows, q < columns, which are as many as there are lanes if it is whole.
template <class T, bool whole>
inline void load_transposed(const T* s, Index lds, int rows, int columns, Vector<T> (&r)[lanes<T>]) {
  if constexpr (whole) return load_transposed<T>(s, lds, r);
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i) r[i] = i < rows ? load(s + i * lds, columns) : Vector<T>{};
  transpose<T>(r);
}

/// d[q * ldd + r] = s[r * lds + q] for r < rows <= lanes; d is written in whole vectors, zeros beyond its rows.
template <class T, bool whole>
void transpose_block(const T* s, Index lds, int rows, int columns, T* d, Index ldd) {
  Vector<T> r[lanes<T>];
  load_transposed<T, whole>(s, lds, rows, columns, r);
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
    for (Index j = 0; j < n; j += width) {
      fetch(b + (p + 3) * ldb + j, width);
      copy_strip(b + p * ldb + j, ldb, 1, columns(j, width), packed + j * k + p * width, width);
    }
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
        copy_strip(a + p * lda + i, lda, 1, rows, to, Index{tile_rows});
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

/// C = op(A) B^T: a panel of B is transposed into a buffer, some of k at a time.
template <class T>
void product_nt(Index m, Index n, Index k, const T* a, Index row, Index step, const T* b, Index ldb, T* c, Index ldc,
                const T* bias) {
  constexpr Index width = 2 * lanes<T>, depth = 512 / sizeof(T);
  alignas(64) T packed[depth * width];
  for (Index j = 0; j < n; j += width) {
    const Index columns = n - j < width ? n - j : width;
    Index p = 0;
    do {  // once for k = 0 as well, which leaves the bias
      const Index part = k - p < depth ? k - p : depth;
      pack_b(true, part, columns, b + j * ldb + p, ldb, packed);
      panel(m, columns,
            Panel<T>{part, a + p * step, row, step, packed, width, c + j, ldc, bias ? bias + j : nullptr, p > 0, 0});
      p += depth;
    } while (p < k);
  }
}

/// The sum of r[i] over its lanes, in lane i.
template <class T, int half = lanes<T> / 2>
inline Vector<T> sums(Vector<T> (&r)[lanes<T>]) {
  if constexpr (half == 0) {
    return r[0];
  } else {
#pragma GCC unroll 8
    for (int i = 0; i < half; ++i) {
      exchange<half>(r[i], r[i + half], std::make_integer_sequence<int, lanes<T>>{});
      r[i] += r[i + half];
    }
    return sums<T, half / 2>(r);
  }
}

/// C (m, 1) = A b for rows of A: as many rows as there are lanes, then their sums.
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
    Vector<T> y = sums<T>(r);
    if (bias) y += broadcast(*bias);
    if (ldc == 1) store(c + i, y, rows);
    for (int q = 0; ldc != 1 && q < rows; ++q) c[(i + q) * ldc] = y[q];
  }
}

/// A square of op(B), as many rows and columns as there are lanes, or fewer unless it is whole, by a few rows of A: one
/// after the other, as they wait for no results of one another.
template <class T, bool transposed, bool whole>
inline void square(Index m, int depth, int width, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc,
                   const T* bias, bool accumulate) {
  Vector<T> r[lanes<T>];
  if constexpr (transposed) {
    load_transposed<T, whole>(b, ldb, width, depth, r);
  } else {
#pragma GCC unroll 16
    for (int q = 0; q < lanes<T>; ++q)
      if constexpr (whole)
        r[q] = load(b + q * ldb);
      else
        r[q] = q < depth ? load(b + q * ldb, width) : Vector<T>{};
  }
  for (Index i = 0; i < m; ++i, a += lda, c += ldc) {
    Vector<T> sum{};
    if (const T* begin = accumulate ? c : bias) sum = whole ? load(begin) : load(begin, width);
#pragma GCC unroll 16
    for (int q = 0; q < lanes<T>; ++q)
      if (whole || q < depth) sum = multiply_add<T>(broadcast(a[q]), r[q], sum);
    whole ? store(c, sum) : store(c, sum, width);
  }
}

/// As many rows of B as there are lanes, by a single row of A, which stays in registers.
template <class T>
[[gnu::noinline]] void single_row(Index columns, const T* a, const T* b, Index ldb, T* c, const T* begin) {
  Vector<T> x[lanes<T>];
#pragma GCC unroll 16
  for (int q = 0; q < lanes<T>; ++q) x[q] = broadcast(a[q]);
  for (Index j = 0; j < columns; j += lanes<T>, b += lanes<T>) {
    Vector<T> sum = begin ? load(begin + j) : Vector<T>{};
#pragma GCC unroll 16
    for (int q = 0; q < lanes<T>; ++q) sum = multiply_add<T>(x[q], load(b + q * ldb), sum);
    store(c + j, sum);
  }
}

/// Side by side, over so many columns. A function of its own, as it needs all registers.
template <class T, bool transposed>
[[gnu::noinline]] void squares(Index m, int depth, Index columns, const T* a, Index lda, const T* b, Index ldb, T* c,
                               Index ldc, const T* bias, bool accumulate) {
  Index j = 0;
  if (!transposed && m == 1 && depth == lanes<T>) {
    j = columns / lanes<T> * lanes<T>;
    single_row(j, a, b, ldb, c, accumulate ? c : bias);
    b += j;
  }
  for (; j < columns; j += lanes<T>, b += transposed ? lanes<T> * ldb : lanes<T>) {
    const int width = columns - j < lanes<T> ? static_cast<int>(columns - j) : lanes<T>;
    const T* const add = bias ? bias + j : nullptr;
    if (depth == lanes<T> && width == lanes<T>)
      square<T, transposed, true>(m, depth, width, a, lda, b, ldb, c + j, ldc, add, accumulate);
    else
      square<T, transposed, false>(m, depth, width, a, lda, b, ldb, c + j, ldc, add, accumulate);
  }
}

constexpr Index few = 16;

/// C = op(A) op(B) for at most `few` rows. B is read once, by long runs of its rows.
template <class T, bool transposed>
void few_rows(Index m, Index n, Index k, const T* a, Index row, Index step, const T* b, Index ldb, T* c, Index ldc,
              const T* bias) {
  constexpr Index run = 4096 / sizeof(T), deep = transposed ? run : lanes<T>;
  const Index wide = transposed ? (m == 1 && n * k <= 1 << 21 ? 8 : 2) * lanes<T> : run;
  const auto least = [](Index x, Index y) { return x < y ? x : y; };
  T copy[few * lanes<T>];
  for (Index first = 0; first < k; first += deep)
    for (Index begin = 0; begin < n; begin += wide) {
      const Index last = least(k, first + deep), end = least(n, begin + wide);
      for (Index p = first; p < last; p += lanes<T>) {
        const int depth = static_cast<int>(least(last - p, lanes<T>));
        for (Index i = 0; step != 1 && i < m; ++i)
          for (Index q = 0; q < depth; ++q) copy[i * lanes<T> + q] = a[i * row + (p + q) * step];
        const T* const part = step != 1 ? copy : a + p;
        if (transposed && n * k > 1 << 21) {  // far beyond the caches: the next rows, one after the other
          const Index at = (p - first) * wide;
          fetch(b + (end + at / (last - first)) * ldb + first + at % (last - first), wide * lanes<T>);
        }
        squares<T, transposed>(m, depth, end - begin, part, step != 1 ? lanes<T> : row,
                               transposed ? b + begin * ldb + p : b + p * ldb + begin, ldb, c + begin, ldc,
                               bias ? bias + begin : nullptr, p > 0);
      }
    }
}

/// Whether few rows are multiplied by long runs of B's rows.
template <class T>
bool by_runs(Index m, Index n, Index k) {
  return m <= 4 && n >= 16 * lanes<T> && k > 0;
}

/// C (m, n) = A^T B for n below one vector, by way of C^T = B^T A, whose rows are long.
template <class T>
void narrow_tn(Index m, Index n, Index k, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc) {
  constexpr Index room = 16384 / sizeof(T), wide = 2 * lanes<T>, depth = 64;  // rows, each of its own pages
  alignas(64) T part[room];
  const Index width = room / n / wide * wide;
  for (Index i = 0; i < m; i += width) {
    const Index columns = m - i < width ? m - i : width;
    if (by_runs<T>(n, columns, k))
      few_rows<T, false>(n, columns, k, b, 1, ldb, a + i, lda, part, width, nullptr);
    else
      panels(n, columns, depth, Panel<T>{k, b, 1, ldb, a + i, lda, part, width, nullptr, false, 0});
    for (Index q = 0; q < columns; ++q)
      for (Index j = 0; j < n; ++j) c[(i + q) * ldc + j] = part[j * width + q];
  }
}

template <class T>
void small(const Product<T>& p) {
  const auto [transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, bias] = p;
  if (n == 1 && !transpose_a && (transpose_b || ldb == 1)) return matrix_vector(m, k, a, lda, b, c, ldc, bias);
  const Index row = transpose_a ? 1 : lda, step = transpose_a ? lda : 1;
  if (transpose_b && m <= few && n >= lanes<T> && k >= 4 * lanes<T>)
    return few_rows<T, true>(m, n, k, a, row, step, b, ldb, c, ldc, bias);
  if (transpose_b) return product_nt(m, n, k, a, row, step, b, ldb, c, ldc, bias);
  if (by_runs<T>(m, n, k)) return few_rows<T, false>(m, n, k, a, row, step, b, ldb, c, ldc, bias);
  if (transpose_a && n < lanes<T> && m >= lanes<T> && !bias && k > 0) return narrow_tn(m, n, k, a, lda, b, ldb, c, ldc);
  // For a few rows by a long B, some rows of B at a time stay in the first cache.
  panels(m, n, m <= 4 && n * k > 1 << 18 ? Index{64} : k, Panel<T>{k, a, row, step, b, ldb, c, ldc, bias, false, 0});
}

/// Rows of an operand as it lies in memory, which are needed next: fetched some with each tile.
template <class T>
struct Ahead {
  const T* row;
  Index distance, run, rows, tiles;
  Index due = 0;

  void advance() {
    for (due += rows; due >= tiles; due -= tiles, row += distance) fetch(row, run);
  }
};

/// C = op(A) op(B), strip by strip by all panels of op(B), which begin `next` apart. Strips of a packed op(A) begin
/// `whole` apart; 0: it is read as it lies.
template <class T>
void multiply_strips(Index m, Index n, Index next, Panel<T> t, Index whole, Ahead<T> ahead) {
  constexpr Index width = 2 * lanes<T>;
  const Panel<T> first = t;
  for_strips_of_rows(m, rows_at_once<T>(t.row), [&](Index i, Index rows) {
    t.c = first.c + i * t.ldc;
    t.b = first.b;
    t.bias = first.bias;
    for (Index j = 0; j < n; j += width) {
      for (Index r = 0; j + width < n && r < rows; ++r)  // the next tile's part of C
        for (Index v = width; v < 2 * width; v += lanes<T>) __builtin_prefetch(t.c + r * t.ldc + v, 1);
      ahead.advance();
      run_tile(rows, n - j < width ? n - j : width, t);
      t.b += next;
      t.c += width;
      if (t.bias) t.bias += width;
    }
    t.a += whole > 0 ? whole : rows * t.row;
  });
}

template <class T>
void large(const Product<T>& product, const Blocks& blocks, void* workspace) {
  const auto [transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, bias] = product;
  constexpr Index width = 2 * lanes<T>;
  const auto least = [](Index x, Index y) { return x < y ? x : y; };
  T* const packed_b = static_cast<T*>(workspace);
  T* const packed_a = packed_b + (blocks.pack_b ? blocks.columns * blocks.depth : 0);
  for (Index i = 0; i < m; i += blocks.rows)
    for (Index p = 0; p < k; p += blocks.depth) {
      const Index height = least(m - i, blocks.rows), part = least(k - p, blocks.depth);
      const T* const block_a = transpose_a ? a + p * lda + i : a + i * lda + p;
      if (blocks.pack_a) pack_a(transpose_a, height, part, block_a, lda, packed_a);
      for (Index j = 0; j < n; j += blocks.columns) {
        const Index columns = least(n - j, blocks.columns), after = least(k - p - part, part);
        const T* const block_b = transpose_b ? b + j * ldb + p : b + p * ldb + j;
        if (blocks.pack_b) pack_b(transpose_b, part, columns, block_b, ldb, packed_b);
        Panel<T> t{};
        t.k = part;
        t.a = blocks.pack_a ? packed_a : block_a;
        t.row = blocks.pack_a || transpose_a ? 1 : lda;
        t.step = blocks.pack_a ? tile_rows : transpose_a ? lda : 1;
        t.b = blocks.pack_b ? packed_b : block_b;
        t.ldb = blocks.pack_b ? width : ldb;
        t.c = c + i * ldc + j;
        t.ldc = ldc;
        t.bias = bias ? bias + j : nullptr;
        t.accumulate = p > 0;
        // Of operands that are read as they lie, the one with longer rows.
        const bool of_a = !blocks.pack_a && transpose_a && (blocks.pack_b || height > columns);
        const Index most = rows_at_once<T>(t.row), tiles = (height + most - 1) / most * ((columns + width - 1) / width);
        Ahead<T> ahead{block_b + part * ldb, ldb, columns, blocks.pack_b ? 0 : after, tiles};
        if (of_a) ahead = {block_a + part * lda, lda, height, after, tiles};
        multiply_strips(height, columns, blocks.pack_b ? width * part : width, t,
                        blocks.pack_a ? part * tile_rows : Index{0}, ahead);
      }
    }
}

template <class T>
constexpr Gemm<T> table = {.small = small<T>, .large = large<T>};

}  // namespace

template <class T>
template <Isa isa>
const Gemm<T>& Gemm<T>::compiled() {
  return table<T>;
}
template const Gemm<float>& Gemm<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Gemm<double>& Gemm<double>::compiled<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
