/// @file
/// The one seam through which every matrix product goes; for the library's sources, not its public headers.
#pragma once

#include <ravine/core/dtype.hpp>

namespace ravine::detail {

/// m n k from which packing the operands pays. Threads do from half of that on, m being 8 at least: below it `gemm`
/// runs on the calling thread and allocates nothing, unless both are transposed.
inline constexpr Index large_work = Index{1} << 20;

/// C (m, n) = op(A) op(B) + bias (n values, or null for none), row-major and dense. A is stored (m, k), or (k, m) to be
/// transposed; B (k, n), or (n, k). C overlaps neither.
///
/// An element is summed along k in one order whatever the tiles, the other rows and columns and the number of threads:
/// its bits depend on A's row, B's column, the bias, on whether B is transposed and on whether n is 1.
template <class T>
void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const T* a, const T* b, T* c, const T* bias);

}  // namespace ravine::detail
