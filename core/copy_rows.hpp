/// @file
/// Copies of rows of elements; for the library's sources, not its public headers.
#pragma once

#include <ravine/core/kernels/active.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {

/// y[i * stride + j] = x[i * row_step + j * column_step], i < rows, j < columns.
template <class T>
[[gnu::visibility("hidden")]] void copy_rows(const T* x, Index row_step, Index column_step, Index rows, Index columns,
                                             T* y, Index stride) {
  const auto kernel = kernels::active<kernels::Copy<T>>().plane;
  for_tiles(1, rows, columns, [&](Index, Index i, Index i_end, Index j, Index j_end) {
    kernel(x + i * row_step + j * column_step, row_step, column_step, i_end - i, j_end - j, y + i * stride + j, stride);
  });
}

}  // namespace ravine::detail
