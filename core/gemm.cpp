#include <ravine/core/gemm.hpp>

#include <algorithm>
#include <type_traits>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/tensor.hpp>
#include <ravine/core/threads.hpp>

#if RAVINE_WITH_ONEDNN
#include <dnnl.h>
#endif

namespace ravine::detail {
namespace {

constexpr Index large_side = 16;      // rows and columns from which packing pays
constexpr Index tile_columns = 2048;  // at most: so many reuse the packed rows of op(A)
constexpr Index panel = 32;           // tiles are cut between so many columns
constexpr Index least_columns = 64;

struct Tiles {
  Index rows, columns;
};

#if RAVINE_WITH_ONEDNN
template <class T>
constexpr bool by_onednn = std::is_same_v<T, float>;
#else
template <class T>
constexpr bool by_onednn = false;
#endif

// Columns are cut first: a tile packs its own of op(B), but all of op(A)'s rows.
Tiles plan(Index m, Index n, int threads) {
  const Index panels = (n + panel - 1) / panel;
  const Index rounds = (n + threads * tile_columns - 1) / (threads * tile_columns), tiles = threads * rounds;
  Tiles t{m, std::max((panels + tiles - 1) / tiles * panel, least_columns)};
  const Index across = (n + t.columns - 1) / t.columns;
  if (across < threads) t.rows = std::max(large_side, (m * across + threads - 1) / threads);
  // A single column is summed in another order: none may be left over, or its bits would depend on the tiles.
  while (n > t.columns && n % t.columns == 1) t.columns += panel;
  return t;
}

#if RAVINE_WITH_ONEDNN
bool multiply_by_onednn(const kernels::Product<float>& p) {
  for (Index i = 0; p.bias && i < p.m; ++i) std::copy(p.bias, p.bias + p.n, p.c + i * p.ldc);
  return dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0F, p.a, p.lda, p.b, p.ldb,
                    p.bias ? 1.0F : 0.0F, p.c, p.ldc) == dnnl_success;  // or it is out of memory
}
#endif

}  // namespace

template <class T>
void gemm(bool transpose_a, bool transpose_b, Index m, Index n, Index k, const T* a, const T* b, T* c, const T* bias) {
  if (m == 0 || n == 0) return;
  const auto& kernel = kernels::kernels<T>().gemm;
  const kernels::Product<T> whole{transpose_a, transpose_b,         m, n, k,   a, transpose_a ? m : k,
                                  b,           transpose_b ? k : n, c, n, bias};
  if (m * n * k < large_work) return kernel.small(whole);
  const bool large = m >= large_side && n >= large_side;
  const int threads = threads_available();
  if (!large && threads == 1) return kernel.small(whole);
  // oneDNN sums an element as its tile's shape has it: there the tiles are cut for four threads whatever there are.
  const Tiles t = plan(m, n, by_onednn<T> && large ? 4 : threads);
  const std::size_t room = large ? kernels::packed_bytes(t.rows, static_cast<std::size_t>(k) * sizeof(T)) : 0;
  Tensor workspace({threads * static_cast<Index>(room)}, u8);
  const Index across = (n + t.columns - 1) / t.columns, count = across * ((m + t.rows - 1) / t.rows);
  const auto run = [&](Index index) {
    const Index i = index / across * t.rows, j = index % across * t.columns;
    kernels::Product<T> tile = whole;
    tile.m = std::min(t.rows, m - i);
    tile.n = std::min(t.columns, n - j);
    tile.a += transpose_a ? i : i * tile.lda;
    tile.b += transpose_b ? j * tile.ldb : j;
    tile.c += i * n + j;
    if (bias) tile.bias += j;
    if (!large) return kernel.small(tile);
#if RAVINE_WITH_ONEDNN
    if constexpr (by_onednn<T>)  // of one tile, outside a parallel region, it would start threads
      if (count > 1 && multiply_by_onednn(tile)) return;
#endif
    kernel.large(tile, workspace.raw<std::uint8_t>() + (threads > 1 ? worker() : 0) * room);
  };
  if (threads > 1) return run_parallel(count, threads, run);
  for (Index index = 0; index < count; ++index) run(index);
}

template void gemm(bool, bool, Index, Index, Index, const float*, const float*, float*, const float*);
template void gemm(bool, bool, Index, Index, Index, const double*, const double*, double*, const double*);

}  // namespace ravine::detail
