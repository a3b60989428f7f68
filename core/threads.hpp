/// @file
/// Work in pieces whose results do not depend on how many of OpenMP's threads do it; for the library's sources.
#pragma once

#include <algorithm>
#include <cstdint>

#include <ravine/core/dtype.hpp>
#include <ravine/core/function_ref.hpp>

namespace ravine::detail {

/// Elementwise work on fewer elements runs on the calling thread.
inline constexpr Index parallel_grain = 32768;

/// How many threads work is worth: as many as there are, where others want their cores fewer, and one inside a parallel
/// region.
int threads_available();

/// Inside run_parallel: which of its threads this is, from 0.
int worker();

/// Runs f(0), …, f(tasks - 1), in any order, on so many threads, or on fewer. They take over the caller's handling of
/// subnormal numbers, so that a result does not depend on who computed it. f must not throw. Tasks take about the same
/// time: from what the threads gain, threads_available() learns.
void run_parallel(Index tasks, int threads, FunctionRef<void(Index)> f);

/// The same for tasks that may take seconds, and some much longer than others: on all threads there are.
void run_unequal(Index tasks, FunctionRef<void(Index)> f);

/// Whether there are as many threads as OpenMP is told, be there cores for them or not: for tests.
void hold_threads(bool held);

/// From now on this thread computes alone, as it is one of several that work for another.
void compute_alone();

/// How this thread rounds and handles subnormal numbers: one that works for another takes that over.
unsigned floating_point_mode();
void set_floating_point_mode(unsigned mode);

/// How long pieces of [0, n) are, `piece` at most: as many for each thread, but none less than a quarter of what they
/// could be. Where `piece` is of whole blocks of 64, so are they.
Index even_piece(Index n, Index piece, Index threads);

/// Cuts [0, n) into even pieces and runs f(begin, end) on each; in parallel from two pieces of `piece` elements on.
template <class F>
void parallel_for(Index n, Index piece, F&& f) {
  const int threads = n <= piece ? 1 : threads_available();
  if (threads == 1) {
    if (n > 0) f(Index{0}, n);
    return;
  }
  const Index length = even_piece(n, piece, threads);
  run_parallel((n + length - 1) / length, threads, [&](Index i) {
    const Index begin = i * length;
    f(begin, std::min(begin + length, n));
  });
}

/// The same on pieces of the rows of a matrix, cut by its shape.
template <class F>
void for_rows(Index rows, Index columns, F&& f) {
  parallel_for(rows, columns < parallel_grain ? parallel_grain / (columns > 1 ? columns : 1) : 1, f);
}

/// The same on pieces of the columns of several matrices of one size: f(matrix, begin, end). Pieces are as wide as
/// threads leave them, and whole blocks of the kernels.
template <class F>
void for_columns(Index matrices, Index rows, Index columns, F&& f) {
  if (columns == 0) return;
  const Index threads = matrices * rows * columns <= parallel_grain ? 1 : threads_available();
  const Index least = std::max(parallel_grain / std::max<Index>(rows, 1), columns / (4 * threads)) + 1;
  const Index wide = threads == 1 ? columns : even_piece(columns, (least + 63) / 64 * 64, threads);
  const Index pieces = (columns + wide - 1) / wide;
  for_rows(matrices * pieces, wide * rows, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index column = i % pieces * wide;
      f(i / pieces, column, std::min(column + wide, columns));
    }
  });
}
/// The same of one matrix: f(begin, end).
template <class F>
void for_columns(Index rows, Index columns, F&& f) {
  for_columns(1, rows, columns, [&](Index, Index begin, Index end) { f(begin, end); });
}

/// The same on tiles of several matrices: f(matrix, row, row_end, column, column_end).
template <class F>
void for_tiles(Index matrices, Index rows, Index columns, F&& f) {
  if (rows == 0 || columns == 0) return;
  const auto cut = [](Index n, Index piece) { return piece < n ? piece < 64 ? Index{64} : piece : n; };
  const Index wide = cut(columns, parallel_grain), high = cut(rows, parallel_grain / wide);
  const Index across = (columns + wide - 1) / wide, tiles = (rows + high - 1) / high * across;
  for_rows(matrices * tiles, high * wide, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index row = i % tiles / across * high, column = i % across * wide;
      f(i / tiles, row, std::min(row + high, rows), column, std::min(column + wide, columns));
    }
  });
}

/// How many threads regions have: all, until others that want their cores have made regions slower than one thread is;
/// then half as many, for ten times as long as was lost, and up to a hundred times where that goes on. Times are in
/// nanoseconds.
class ThreadCount {
 public:
  /// At the time `now`, if there are `most`.
  int get(int most, std::int64_t now);
  /// A region on several threads took `elapsed` until `now`; one thread would have taken `alone`. It counts for ten
  /// credits lost at most.
  void learn(std::int64_t alone, std::int64_t elapsed, std::int64_t now);
  /// What regions may lose before the number changes; no more is kept of what they gain.
  static constexpr std::int64_t credit = 10'000'000;

 private:
  int halvings_ = 0;
  std::int64_t balance_ = credit;
  std::int64_t began_ = 0, wait_ = 0, until_ = 0;  // with all threads; how long not; and until when
};

/// While it lives, this thread computes subnormal results as zero (they are up to 30 times slower); what the caller
/// had comes back after. Does nothing on processors it does not know.
class FlushSubnormals {
 public:
  FlushSubnormals();
  ~FlushSubnormals();
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  unsigned saved_;
};

}  // namespace ravine::detail
