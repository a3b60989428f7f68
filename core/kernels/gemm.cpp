// Matrix products by a register tile, for large ones over packed operands.
#include <array>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/pack.hpp>

namespace ravine::kernels {
namespace {

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
  const T* bias;                        // of these columns, or null
  bool accumulate;                      // onto what c holds
  int last;                             // lanes in use in the last vector
  bool pieces = false, packed = false;  // sums are in parts, of a transposed B that is packed or as it lies
};

template <int v, int vectors, class T>
inline Vector<T> load_column(const T* p, int last) {
  return v == vectors - 1 ? load(p + v * lanes<T>, last) : load(p + v * lanes<T>);
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
  // Steps that are known cost no instructions, of which there are enough where another thread shares the core.
  const auto multiply = [&](auto step, auto ldb) __attribute__((always_inline)) {
    constexpr bool packed = !std::is_same_v<decltype(ldb), Index>;  // in whole vectors
    const int last = packed ? lanes<T> : t.last;
#pragma GCC unroll(register_bytes == 64 ? 1 : 4)
    for (Index p = 0; p < t.k; ++p) {
      if (!packed) __builtin_prefetch(t.b + 16 * ldb);
      if constexpr (vectors == 2 && register_bytes == 64) __builtin_prefetch(t.b + 16 * ldb + lanes<T>);
      b[0] = load_column<0, vectors>(t.b, last);
      if constexpr (vectors == 2) b[1] = load_column<1, vectors>(t.b, last);
#pragma GCC unroll 16
      for (int i = 0; i < rows; ++i) {
        const Vector<T> element = broadcast(a[i / 4][i % 4 * t.row]);
#pragma GCC unroll 2
        for (int v = 0; v < vectors; ++v) c[i][v] = multiply_add<T>(element, b[v], c[i][v]);
      }
#pragma GCC unroll 4
      for (int g = 0; g < groups; ++g) a[g] += step;
      t.b += ldb;
    }
  };
  using One = std::integral_constant<Index, 1>;
  using Strip = std::integral_constant<Index, tile_rows>;
  using Width = std::integral_constant<Index, 2 * lanes<T>>;
  constexpr bool known = register_bytes < 64, whole = known && rows >= tile_rows - 1;
  if (whole && t.step == tile_rows && t.ldb == Width{}) {
    t.row = 1;
    multiply(Strip{}, Width{});
  } else if (whole && t.step == 1 && t.ldb == Width{}) {
    multiply(One{}, Width{});
  } else if (register_bytes == 32 && t.step == 1) {
    multiply(One{}, t.ldb);
  } else {
    multiply(t.step, t.ldb);
  }
  row = t.c;
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, row = unrelated(row + t.ldc)) {
    if constexpr (vectors == 2) store(row, c[i][0]);
    store(row + (vectors - 1) * lanes<T>, c[i][vectors - 1], t.last);
  }
}

template <class T>
constexpr int piece_rows = 2 * tile_rows / piece<T>;
// A panel of B's pieces stays in the first cache where its tile reads more of that than of A.
template <class T>
constexpr bool panel_stays = piece_rows<T> < piece<T>;

/// rows x one vector of C = A B^T, whose sums are in parts: of every second or fourth product, as many as a piece has
/// elements. Adding parts up is all that has to be transposed. B is packed in pieces, or as it lies.
template <class T, int rows, bool packed>
void piece_tile(const Panel<T>& panel) {
  constexpr int size = piece<T>;
  Panel<T> t = panel;
  Vector<T> c[rows][size] = {};
  constexpr int groups = (rows + 3) / 4;
  const T *a[groups], *from = t.b;
  const Index row = t.row, ldb = t.ldb;
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g) a[g] = unrelated(t.a + 4 * g * row);
  // Each row's piece at p, of so many elements, by next(v) of B.
  const auto multiply = [&](int p, int count, auto next) __attribute__((always_inline)) {
    Vector<T> elements[rows], b[size];
#pragma GCC unroll 4
    for (int v = 0; rows >= size && v < size; ++v) b[v] = next(v);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      elements[i] = load_repeated(a[i / 4] + i % 4 * row + p, count);
#pragma GCC unroll 4
      for (int v = 0; rows >= size && v < size; ++v) c[i][v] = add_product<T>(elements[i], b[v], c[i][v]);
    }
#pragma GCC unroll 4
    for (int v = 0; rows < size && v < size; ++v) {  // the fewer of both in registers
      b[v] = next(v);
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) c[i][v] = add_product<T>(elements[i], b[v], c[i][v]);
    }
  };
  const auto advance = [&](int columns, int elements) __attribute__((always_inline)) {
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g) a[g] += columns;
    from += elements;
  };
  if constexpr (packed) {
    const auto next = [&](int v) __attribute__((always_inline)) {
      if (!panel_stays<T> && v * register_bytes % 64 == 0) __builtin_prefetch(from + (v + 8 * size) * lanes<T>);
      return load(from + v * lanes<T>);
    };
#pragma GCC unroll 4
    for (; t.k >= size; t.k -= size, advance(size, size * lanes<T>)) multiply(0, size, next);
    if (t.k > 0) multiply(0, static_cast<int>(t.k), next);
  } else {
    const auto square = [&](auto whole, int depth) __attribute__((always_inline)) {
      constexpr bool at_once = !whole() || register_bytes == 64;
      Vector<T> b[lanes<T>];
      if constexpr (at_once) load_pieces<whole()>(from, ldb, t.last, depth, b);
#pragma GCC unroll 16
      for (int p = 0; p < lanes<T>; p += size) {
        const auto next = [&](int v) __attribute__((always_inline)) {
          if constexpr (at_once)
            return b[p + v];
          else
            return load_pieces(from, ldb, p + v);
        };
        if (p < depth) multiply(p, depth - p, next);
      }
      advance(lanes<T>, lanes<T>);
    };
    for_squares<T>(t.k, t.last == lanes<T>, square);
  }
  T* to = t.c;
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i, to = unrelated(to + t.ldc)) {
    transpose_pieces<T>(c[i]);
    Vector<T> sum = c[i][0];
#pragma GCC unroll 4
    for (int v = 1; v < size; ++v) sum += c[i][v];
    if (const T* first = t.accumulate ? to : t.bias) sum += load(first, t.last);
    store(to, sum, t.last);
  }
}

template <class T>
using Tile = void (*)(const Panel<T>&);
/// By vectors of columns, then of a transposed B in pieces as it lies and packed; by rows.
template <class T, int... i>
constexpr std::array<std::array<Tile<T>, tile_rows>, 4> tiles(std::integer_sequence<int, i...>) {
  return {{{tile<T, i + 1, 1>...},
           {tile<T, i + 1, 2>...},
           {piece_tile<T, i % piece_rows<T> + 1, false>...},
           {piece_tile<T, i % piece_rows<T> + 1, true>...}}};
}
template <class T>
constexpr auto tile_table = tiles<T>(std::make_integer_sequence<int, tile_rows>{});

/// At most tile_rows rows and two vectors of columns, or piece_rows and one.
template <class T>
void run_tile(Index rows, Index columns, Panel<T>& t) {
  const int more = columns > lanes<T> ? 1 : 0, kind = t.pieces ? 2 + t.packed : more;
  t.last = static_cast<int>(columns) - more * lanes<T>;
  tile_table<T>[static_cast<std::size_t>(kind)][static_cast<std::size_t>(rows - 1)](t);
}

/// At most so many rows of A: where they lie in memory so that all begin in the same lines of a first-level cache, no
/// more than it keeps of those, and no more either where B's pieces need registers.
template <class T>
Index rows_at_once(const Panel<T>& t) {
  const Index most = t.pieces ? piece_rows<T> : tile_rows;
  return (static_cast<std::size_t>(t.row) * sizeof(T) % 4096 == 0 || (t.pieces && !t.packed)) && most > 8 ? 8 : most;
}

/// At most so many rows by a panel of B before the next one.
template <class T>
Index rows_by_panel(const Panel<T>& t) {
  return t.packed && panel_stays<T> ? 48 : rows_at_once(t);
}

/// All rows of one panel of at most two vectors of columns.
template <class T>
void panel(Index m, Index columns, Panel<T> t) {
  for_strips_of_rows(m, rows_at_once(t), [&](Index, Index rows) {
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

/// A square of B, as many rows and columns as there are lanes, or fewer unless it is whole, by a few rows of A: one
/// after the other, as they wait for no results of one another.
template <class T, bool whole>
inline void square(Index m, int depth, int width, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc,
                   const T* bias, bool accumulate) {
  Vector<T> r[lanes<T>];
#pragma GCC unroll 16
  for (int q = 0; q < lanes<T>; ++q)
    if constexpr (whole)
      r[q] = load(b + q * ldb);
    else
      r[q] = q < depth ? load(b + q * ldb, width) : Vector<T>{};
  for (Index i = 0; i < m; ++i, a += lda, c += ldc) {
    Vector<T> sum{};
    if (const T* begin = accumulate ? c : bias) sum = whole ? load(begin) : load(begin, width);
#pragma GCC unroll 16
    for (int q = 0; q < lanes<T>; ++q)
      if (whole || q < depth) sum = multiply_add<T>(broadcast(a[q]), r[q], sum);
    whole ? store(c, sum) : store(c, sum, width);
  }
}

/// Some rows of B by at most three of A, which stay in registers. What is added to, or null, stands `next` apart.
template <class T, int rows, int depth>
[[gnu::noinline]] void few_by_few(Index columns, const T* a, Index lda, const T* b, Index ldb, T* c, Index ldc,
                                  const T* begin, Index next) {
  Vector<T> x[rows][depth];
#pragma GCC unroll 4
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 16
    for (int q = 0; q < depth; ++q) x[i][q] = broadcast(a[i * lda + q]);
  for (Index j = 0; j < columns; j += lanes<T>, b += lanes<T>) {
    Vector<T> sum[rows] = {};
#pragma GCC unroll 4
    for (int i = 0; begin && i < rows; ++i) sum[i] = load(begin + i * next + j);
#pragma GCC unroll 16
    for (int q = 0; q < depth; ++q) {
      const Vector<T> v = load(b + q * ldb);
#pragma GCC unroll 4
      for (int i = 0; i < rows; ++i) sum[i] = multiply_add<T>(x[i][q], v, sum[i]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; ++i) store(c + i * ldc + j, sum[i]);
  }
}

/// Side by side, over so many columns, for at most four rows of A. A function of its own, as it needs all registers.
template <class T>
[[gnu::noinline]] void squares(Index m, int depth, Index columns, const T* a, Index lda, const T* b, Index ldb, T* c,
                               Index ldc, const T* bias, bool accumulate) {
  Index j = 0;
  if (m == 1 && depth < lanes<T>) {  // by powers of two
    j = columns / lanes<T> * lanes<T>;
    const T* begin = accumulate ? c : bias;
    const auto some = [&](auto count, int q) {
      if (!(depth & count)) return;
      few_by_few<T, 1, count>(j, a + q, lda, b + q * ldb, ldb, c, ldc, begin, 0);
      begin = c;
    };
    using std::integral_constant;
    if constexpr (8 < lanes<T>) some(integral_constant<int, 8>{}, 0);
    if constexpr (4 < lanes<T>) some(integral_constant<int, 4>{}, depth & 8);
    if constexpr (2 < lanes<T>) some(integral_constant<int, 2>{}, depth & 12);
    some(integral_constant<int, 1>{}, depth & 14);
  } else if (depth == lanes<T> && (m == 1 || register_bytes < 64)) {
    j = columns / lanes<T> * lanes<T>;
    constexpr int few = lanes<T> < 4 ? lanes<T> : 4;
    const T* begin = accumulate ? c : bias;
    Index next = accumulate ? ldc : 0;
    if (m == 1) few_by_few<T, 1, lanes<T>>(j, a, lda, b, ldb, c, ldc, begin, next);
    for (int q = 0; m > 1 && q < depth; q += few, begin = c, next = ldc)
      for (Index i = 0; i < m; i += m == 3 ? 3 : 2)
        (m == 3 ? few_by_few<T, 3, few> : few_by_few<T, 2, few>)(j, a + i * lda + q, lda, b + q * ldb, ldb, c + i * ldc,
                                                                 ldc, begin + i * next, next);
  }
  for (; j < columns; j += lanes<T>) {
    const int width = columns - j < lanes<T> ? static_cast<int>(columns - j) : lanes<T>;
    const T* const first = bias ? bias + j : nullptr;
    if (depth == lanes<T> && width == lanes<T>)
      square<T, true>(m, depth, width, a, lda, b + j, ldb, c + j, ldc, first, accumulate);
    else
      square<T, false>(m, depth, width, a, lda, b + j, ldb, c + j, ldc, first, accumulate);
  }
}

/// C = op(A) B for a few rows. B is read once, by long runs of its rows. Of a single run long sums are kept apart from
/// C, along whose rows the processor would fetch what another thread writes.
template <class T>
void few_rows(Index m, Index n, Index k, const T* a, Index row, Index step, const T* b, Index ldb, T* c, Index ldc,
              const T* bias) {
  constexpr Index run = 4096 / sizeof(T), line = 64 / sizeof(T);
  alignas(64) T copy[4 * lanes<T>], sums[4 * (run + line)];
  T* const to = m > 1 && n <= run && k > 64 ? sums : c;
  const Index next = to == c ? ldc : run + line;
  for (Index p = 0; p < k; p += lanes<T>, a += lanes<T> * step, b += lanes<T> * ldb) {
    const int depth = static_cast<int>(k - p < lanes<T> ? k - p : lanes<T>);
    for (Index i = 0; step != 1 && i < m; ++i)
      for (Index q = 0; q < depth; ++q) copy[i * lanes<T> + q] = a[i * row + q * step];
    for (Index j = 0; j < n; j += run)
      squares(m, depth, n - j < run ? n - j : run, step != 1 ? +copy : a, step != 1 ? lanes<T> : row, b + j, ldb,
              to + j, next, bias ? bias + j : nullptr, p > 0);
  }
  for (Index i = 0; to != c && i < m; ++i)
    std::memcpy(c + i * ldc, to + i * next, static_cast<std::size_t>(n) * sizeof(T));
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
  const bool as_it_lies = n == 1 && ldc == 1;
  const Index width = room / n / wide * wide;
  for (Index i = 0; i < m; i += width) {
    const Index columns = m - i < width ? m - i : width;
    T* const to = as_it_lies ? c + i : part;
    if (by_runs<T>(n, columns, k))
      few_rows<T>(n, columns, k, b, 1, ldb, a + i, lda, to, width, nullptr);
    else
      panels(n, columns, depth, Panel<T>{k, b, 1, ldb, a + i, lda, to, width, nullptr, false, 0});
    for (Index q = 0; !as_it_lies && q < columns; ++q)
      for (Index j = 0; j < n; ++j) c[(i + q) * ldc + j] = part[j * width + q];
  }
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

/// C = op(A) op(B), some rows at a time by all panels of op(B), which begin `next` apart. Strips of a packed op(A)
/// begin `whole` apart; 0: it is read as it lies.
template <class T>
void multiply_strips(Index m, Index n, Index next, Panel<T> t, Index whole, Ahead<T> ahead) {
  const Index width = t.pieces ? lanes<T> : 2 * lanes<T>, most = rows_at_once(t), high = rows_by_panel(t);
  const Panel<T> first = t;
  for_strips_of_rows(m, high, [&](Index i, Index height) {
    const T* const a = t.a;
    t.b = first.b;
    t.bias = first.bias;
    for (Index j = 0; j < n; j += width) {
      t.a = a;
      t.c = first.c + i * t.ldc + j;
      const auto strip = [&](Index, Index rows) {
        const T* const after = t.c + (high > most ? rows * t.ldc : width);  // the next tile's part of C
        for (Index r = 0; j + width < n && r < rows; ++r)
          for (Index v = 0; v < width; v += 64 / sizeof(T)) __builtin_prefetch(after + r * t.ldc + v, 1);
        ahead.advance();
        run_tile(rows, n - j < width ? n - j : width, t);
        t.a += whole > 0 ? whole : rows * t.row;
        t.c += rows * t.ldc;
      };
      high > most ? for_strips_of_rows(height, most, strip) : strip(i, height);
      t.b += next;
      if (t.bias) t.bias += width;
    }
  });
}

template <class T>
void large(const Product<T>& product, const Blocks& blocks, void* workspace) {
  const auto [transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, bias] = product;
  const bool pieces = transpose_b && in_pieces(k);
  const Index width = pieces ? lanes<T> : 2 * lanes<T>;
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
        if (pieces)
          pack_pieces(part, columns, block_b, ldb, packed_b);
        else if (blocks.pack_b)
          pack_b(transpose_b, part, columns, block_b, ldb, packed_b);
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
        t.pieces = t.packed = pieces;
        // Of operands that are read as they lie, the one with longer rows.
        const bool of_a = !blocks.pack_a && transpose_a && (blocks.pack_b || height > columns);
        const Index most = rows_at_once(t), tiles = (height + most - 1) / most * ((columns + width - 1) / width);
        Ahead<T> ahead{block_b + part * ldb, ldb, columns, blocks.pack_b ? 0 : after, tiles};
        if (pieces && m * k > 1 << 21) ahead = {block_a + rows_by_panel(t) * lda, lda, part, height, tiles};
        if (of_a) ahead = {block_a + part * lda, lda, height, after, tiles};
        multiply_strips(height, columns, blocks.pack_b ? width * (pieces ? in_whole<T>(part) : part) : width, t,
                        blocks.pack_a ? part * tile_rows : Index{0}, ahead);
      }
    }
}

/// C = A B^T, panel by panel of B, which is transposed into a buffer, or for a few rows as it lies.
template <class T>
void small_nt(Product<T> p) {
  const bool pieces = in_pieces(p.k);
  constexpr Index few = piece_rows<T> < 4 ? 4 : 16;
  const Index depth = depth_of_parts<T>(p.k), n = p.n, width = pieces ? lanes<T> : 2 * lanes<T>;
  alignas(64) T packed[2048 / sizeof(T) * lanes<T>];
  for (Index j = 0; j < n; j += width, p.b += width * p.ldb, p.c += width) {
    p.n = n - j < width ? n - j : width;
    if (pieces && (p.m > few || (p.m > piece_rows<T> && p.n < width))) {
      large(p, Blocks{false, true, p.m, width, depth}, packed);
    } else if (pieces) {
      for (Index q = 0; q < p.k; q += depth)
        panel(p.m, p.n,
              Panel<T>{p.k - q < depth ? p.k - q : depth, p.a + q, p.lda, 1, p.b + q, p.ldb, p.c, p.ldc, p.bias, q > 0,
                       0, true});
    } else {
      pack_b(true, p.k, p.n, p.b, p.ldb, packed);
      panel(p.m, p.n, Panel<T>{p.k, p.a, p.lda, 1, packed, width, p.c, p.ldc, p.bias, false, 0});
    }
    if (p.bias) p.bias += width;
  }
}

template <class T>
void small(const Product<T>& p) {
  const auto [transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, bias] = p;
  if (n == 1 && !transpose_a && (transpose_b || ldb == 1)) return matrix_vector(m, k, a, lda, b, c, ldc, bias);
  const Index row = transpose_a ? 1 : lda, step = transpose_a ? lda : 1;
  if (transpose_b) return small_nt(p);
  if (by_runs<T>(m, n, k)) return few_rows<T>(m, n, k, a, row, step, b, ldb, c, ldc, bias);
  if (transpose_a && n < lanes<T> && m >= lanes<T> && !bias && k > 0) return narrow_tn(m, n, k, a, lda, b, ldb, c, ldc);
  // For a few rows by a long B, some rows of B at a time stay in the first cache.
  panels(m, n, m <= 4 && n * k > 1 << 18 ? Index{64} : k, Panel<T>{k, a, row, step, b, ldb, c, ldc, bias, false, 0});
}

template <class T>
constexpr Gemm<T> table = {.small = small<T>, .large = large<T>, .wide = register_bytes == 64};

}  // namespace

template <class T>
template <Isa isa>
const Gemm<T>& Gemm<T>::compiled() {
  return table<T>;
}
template const Gemm<float>& Gemm<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Gemm<double>& Gemm<double>::compiled<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
