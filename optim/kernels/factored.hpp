/// @file
/// The loops of FactoredAdam over a row of a matrix, compiled once for each instruction set.
#pragma once

#include <ravine/core/dtype.hpp>
#include <ravine/core/isa.hpp>

namespace ravine::detail {

template <class T>
struct FactoredLoops {
  /// Adds g² to the sums of the columns and returns the sum of the row.
  double (*squares)(const T* g, Index count, double* columns);
  /// x ← x - rate g / (row_root column_roots + eps)
  void (*step)(T* x, const T* g, Index count, T row_root, const T* column_roots, T rate, T eps);
};

/// Defined by kernels/factored.cpp for the instruction set it is compiled for.
template <Isa isa, class T>
const FactoredLoops<T>& factored_loops();

}  // namespace ravine::detail
