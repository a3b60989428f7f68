/// @file
/// The loops over a row of a matrix of rules that keep numbers for its rows and columns, compiled once for each
/// instruction set; for the library's sources, not its public headers.
#pragma once

#include <ravine/core/dtype.hpp>
#include <ravine/core/isa.hpp>

namespace ravine::detail {

/// What SM3 does to a row: least is that of what is kept for it in the other dimensions.
template <class T>
struct SM3Row {
  T momentum, lr, eps, least;
};

template <class T>
struct RowLoops {
  /// Adds g² to the sums of the columns, of some dozens of rows, and returns the sum of the row.
  double (*squares)(const T* g, Index count, T* columns);
  /// The sum of squares of U = g min(row column, most).
  double (*size)(const T* g, Index count, T row, const T* columns, T most);
  /// x ← x - rate U - decay x
  void (*step)(T* x, const T* g, Index count, T row, const T* columns, T most, T rate, T decay);
  /// x ← x - rate g / (row_root column_roots + eps)
  void (*step_eps)(T* x, const T* g, Index count, T row_root, const T* column_roots, T rate, T eps);
  /// An update of x and of the mean m, which may be none; next becomes what it is or the ν of its column, if that is
  /// larger, and the largest ν is returned.
  T (*sm3)(const SM3Row<T>& row, T* x, const T* g, T* m, Index count, const T* columns, T* next);
};

/// Defined by kernels/rows.cpp for the instruction set it is compiled for.
template <Isa isa, class T>
const RowLoops<T>& row_loops();

}  // namespace ravine::detail
