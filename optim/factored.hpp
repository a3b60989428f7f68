/// @file
/// Second moments of a matrix as a number for each row and one for each column: what Adafactor and FactoredAdam share;
/// for the library's sources, not its public headers.
#pragma once

#include <algorithm>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/optim/kernels/rows.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Cuts the rows of a matrix into strips of 64 and runs f(strip, begin, end) on each, in parallel: what is added up for
/// a strip does not depend on the number of threads.
inline Index strips_of(Index rows) { return (rows + 63) / 64; }
template <class F>
void for_strips(Index rows, Index columns, F&& f) {
  for_rows(strips_of(rows), 64 * columns, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) f(i, 64 * i, std::min(rows, 64 * (i + 1)));
  });
}

/// The loops for this processor.
template <class T>
const RowLoops<T>& active_row_loops();

/// The sums of the squares of a parameter's gradient, as a matrix of so many rows, over rows and columns, f64.
struct SquareSums {
  Tensor rows, columns;
  SquareSums(const Tensor& g, Index count);
};

/// √V of a matrix is row_roots times column_roots, or `least`.
struct FactoredRoots {
  Tensor rows, columns;
  double least;

  /// The sum of squares of g / √V, 0 where g is.
  double size(const Tensor& g) const;
  /// θ ← θ - rate g / (√V + eps) - decay θ
  void step(const Variable& p, double rate, double eps, double decay) const;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
