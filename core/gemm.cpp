#include <ravine/core/gemm.hpp>

#include <algorithm>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {
namespace {

constexpr Index large_work = Index{1} << 23;          // m n k from which Eigen's blocking for the caches pays
constexpr Index parallel_work = Index{1} << 20;       // m n k from which threads pay
constexpr Index tile_rows = 256, tile_columns = 512;  // of C, before halving

struct Tiles {
  Index rows, columns;
};

// Halved until there are four, so that two to four threads share the work evenly; columns in whole cache lines.
Tiles plan(Index m, Index n) {
  Tiles t{std::min(m, tile_rows), std::min(n, tile_columns)};
  const auto count = [&] { return ((m + t.rows - 1) / t.rows) * ((n + t.columns - 1) / t.columns); };
  while (count() < 4 && (t.rows > 32 || t.columns > 64)) {
    if (t.columns > 64 && t.columns >= t.rows)
      t.columns = (t.columns / 2 + 63) / 64 * 64;
    else
      t.rows = (t.rows + 1) / 2;
  }
  // A single column is summed in another order: none may be left over, or its bits would depend on the tiles.
  while (n > t.columns && n % t.columns == 1) t.columns += 64;
  return t;
}

}  // namespace

template <class T>
void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const T* a, const T* b, T* c, const T* bias) {
  if (m == 0 || n == 0) return;
  const auto& kernel = kernels::kernels<T>().gemm;
  const Index lda = transpose_a ? m : k, ldb = transpose_b ? k : n, work = m * n * k;
  if (work < parallel_work) return kernel.small(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, n, bias);

  const bool large = work >= large_work;
  const auto tile = [&](Index i, Index j, Index rows, Index columns) {
    const T* tile_a = transpose_a ? a + i : a + i * lda;
    const T* tile_b = transpose_b ? b + j * ldb : b + j;
    T* tile_c = c + i * n + j;
    const T* tile_bias = bias ? bias + j : nullptr;
    if (!large)
      return kernel.small(transpose_a, transpose_b, rows, columns, k, tile_a, lda, tile_b, ldb, tile_c, n, tile_bias);
    kernel.large(transpose_a, transpose_b, rows, columns, k, tile_a, lda, tile_b, ldb, tile_c, n);
    if (!bias) return;
    for (Index r = 0; r < rows; ++r)
      kernels::kernels<T>().map.add(tile_c + r * n, false, tile_bias, false, tile_c + r * n, columns);
  };
  const Tiles t = plan(m, n);
  const Index across = (n + t.columns - 1) / t.columns, count = across * ((m + t.rows - 1) / t.rows);
  const auto run = [&](Index index) {
    const Index i = index / across * t.rows, j = index % across * t.columns;
    tile(i, j, std::min(t.rows, m - i), std::min(t.columns, n - j));
  };
  if (threads_available()) return run_parallel(count, run);
  if (!large) return tile(0, 0, m, n);  // the small kernel's bits do not depend on the tiles
  for (Index index = 0; index < count; ++index) run(index);
}

template void gemm(bool, bool, Index, Index, Index, const float*, const float*, float*, const float*);
template void gemm(bool, bool, Index, Index, Index, const double*, const double*, double*, const double*);

}  // namespace ravine::detail
