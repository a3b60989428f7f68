/// @file
/// What rules that keep numbers for the rows and columns of a matrix share; for the library's sources, not its public
/// headers.
#pragma once

#include <algorithm>

#include <ravine/autograd/variable.hpp>
#include <ravine/optim/kernels/rows.hpp>
#include <ravine/optim/pieces.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Cuts the rows of a matrix into strips of 64 and runs f(strip, begin, end) on each, in parallel: what is added up for
/// a strip does not depend on the number of threads.
inline Index strips_of(Index rows) { return (rows + 63) / 64; }
template <class F>
void for_strips(Index rows, Index columns, F&& f) {
  for_long_rows(strips_of(rows), 64 * columns, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) f(i, 64 * i, std::min(rows, 64 * (i + 1)));
  });
}

/// The loops for this processor.
template <class T>
[[gnu::visibility("hidden")]] const RowLoops<T>& active_row_loops();

/// The sums of the squares of a parameter's gradient, as a matrix of so many rows, over rows and columns, f64.
struct SquareSums {
  Tensor rows, columns;
  SquareSums(const Tensor& g, Index count);
};

}  // namespace ravine::detail
#pragma GCC visibility pop
