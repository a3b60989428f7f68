/// @file
/// Work in pieces whose results do not depend on how many of OpenMP's threads do it; for the library's sources.
#pragma once

#include <ravine/core/dtype.hpp>
#include <ravine/core/function_ref.hpp>

namespace ravine::detail {

/// Elementwise work on fewer elements runs on the calling thread.
inline constexpr Index parallel_grain = 32768;

/// How many threads a parallel region would have: one inside another region.
int threads_available();

/// Inside run_parallel: which of its threads this is, from 0.
int worker();

/// Runs f(0), …, f(tasks - 1), in any order, on several threads. They take over the caller's handling of subnormal
/// numbers, so that a result does not depend on who computed it. f must not throw.
void run_parallel(Index tasks, FunctionRef<void(Index)> f);

/// From now on this thread computes alone, as it is one of several that work for another.
void compute_alone();

/// How this thread rounds and handles subnormal numbers: one that works for another takes that over.
unsigned floating_point_mode();
void set_floating_point_mode(unsigned mode);

/// Cuts [0, n) into pieces of `piece` elements and runs f(begin, end) on each; in parallel from two pieces on.
template <class F>
void parallel_for(Index n, Index piece, F&& f) {
  if (n <= piece || threads_available() == 1) {
    if (n > 0) f(Index{0}, n);
    return;
  }
  run_parallel((n + piece - 1) / piece, [&](Index i) {
    const Index begin = i * piece;
    f(begin, begin + piece < n ? begin + piece : n);
  });
}

/// The same on pieces of the rows of a matrix, cut by its shape.
template <class F>
void for_rows(Index rows, Index columns, F&& f) {
  parallel_for(rows, columns < parallel_grain ? parallel_grain / (columns > 1 ? columns : 1) : 1, f);
}
/// The same on pieces of its columns, whole blocks of the kernels.
template <class F>
void for_columns(Index rows, Index columns, F&& f) {
  const Index piece = parallel_grain / (rows > 1 ? rows : 1) / 64 * 64;
  parallel_for(columns, piece > 64 ? piece : 64, f);
}

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
