#include <ravine/core/gemm.hpp>

#include <unistd.h>

#include <algorithm>
#include <type_traits>

#include <ravine/core/kernels/active.hpp>
#include <ravine/core/tensor.hpp>
#include <ravine/core/threads.hpp>

#if RAVINE_WITH_ONEDNN
#include <dnnl.h>
#endif

namespace ravine::detail {
namespace {

using kernels::panel_columns;  // tiles are cut between so many

constexpr Index large_side = 16;       // rows and columns from which packing pays
constexpr Index many_rows = 128;       // for more of them B is packed however it lies
constexpr Index far = Index{1} << 21;  // elements of an operand that is beyond the caches

Index divided(Index n, Index by) { return (n + by - 1) / by; }

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

Index columns_of(Index n, Index pieces) { return divided(divided(n, panel_columns), pieces) * panel_columns; }

// Rows are cut first, so that rows of C, and of A, stay whole, unless there are few of them beside the columns: then
// only of large products by a B that stays in caches, and as it lies.
Tiles plan(bool large, bool transpose_b, Index m, Index n, Index k, Index threads) {
  Tiles t{m, n};
  const bool few = m >= large_side * threads && m <= many_rows * threads && n * k <= 1 << 17;
  if (2 * m > n || (large && !transpose_b && few)) {
    t.rows = std::max(large_side, divided(m, threads));
    t.columns = columns_of(n, divided(threads, divided(m, t.rows)));
  } else {
    t.columns = columns_of(n, threads);
    t.rows = std::max(large_side, divided(m, divided(threads, divided(n, t.columns))));
  }
  // A single column is summed in another order: none may be left over, or its bits would depend on the tiles.
  while (n > t.columns && n % t.columns == 1) t.columns += panel_columns;
  return t;
}

// Bytes of a core's second-level cache.
Index cache_bytes() {
  static const Index bytes = [] {
    long found = 0;
#ifdef _SC_LEVEL2_CACHE_SIZE
    found = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    return found > 0 ? static_cast<Index>(found) : Index{1} << 19;
  }();
  return bytes;
}

// An operand is packed if the other one is long enough for that to pay, or if it has to be transposed. Where panels are
// not wide it pays sooner: a tile reads more for each product, and of B as it lies parts of lines; and sooner still for
// a transposed A whose rows all begin in the same lines of a first-level cache. A block of both that is read again and
// again takes half of the second-level cache: beside it lies what is fetched for the next one.
template <class T>
kernels::Blocks blocks(bool transpose_a, bool transpose_b, bool wide, Index m, Index n, Index k, Index lda) {
  constexpr Index deepest = 2048 / sizeof(T), longest = 516;
  const Index widest = wide ? 1024 : 512;
  const bool many = m > many_rows, soon = !wide && m > 32 && m * n > Index{1 << 16} / Index{sizeof(T)};
  const Index beside_a = lda * Index{sizeof(T)} % 4096 == 0 ? 64 : 256;
  const bool pack_a = !transpose_b && ((many && n >= 512) || (soon && transpose_a && n >= beside_a));
  const Index most = cache_bytes() / 2 / static_cast<Index>(sizeof(T));
  const Index rows = pack_a || transpose_a ? divided(m, divided(m, longest)) : m;
  const Index beside = transpose_a ? rows : 0;
  Index depth = pack_a ? deepest : std::min(deepest, most / (std::min(n, widest) + beside));
  if (transpose_a && !pack_a && m * k > far) depth = std::min(depth, Index{64});  // rows, each of its own pages
  depth = divided(divided(k, divided(k, depth)), 16) * 16;
  if (transpose_b) depth = kernels::depth_of_parts<T>(k);
  const Index columns = columns_of(n, divided(n, pack_a || transpose_b ? most / depth : widest));
  return {pack_a, transpose_b || ((many || soon) && n > panel_columns), rows, columns, depth};
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
  if (n == 1) transpose_b = false;   // a vector is stored as its transpose is
  if (transpose_a && transpose_b) {  // rare: by rows of a copy
    Tensor rows({m, k}, std::is_same_v<T, float> ? f32 : f64);
    kernels::active<kernels::Copy<T>>().plane(a, 1, m, m, k, rows.raw<T>(), k);
    return gemm<T>(false, true, m, n, k, rows.raw<T>(), b, c, bias);
  }
  const auto& kernel = kernels::active<kernels::Gemm<T>>();
  const kernels::Product<T> whole{transpose_a, transpose_b,         m, n, k,   a, transpose_a ? m : k,
                                  b,           transpose_b ? k : n, c, n, bias};
  // A few rows take as long as more of them would: the time is that of B's way from memory.
  if (std::max(m, Index{8}) * n * k < large_work / 2) return kernel.small(whole);
  // A few rows are multiplied as they lie, unless B is far beyond the caches; so are few columns of a transposed A.
  const bool few_pay = m > 4 && !transpose_b && k * n > far;
  const bool large =
      m * n * k >= large_work && n > 1 && (m > large_side || few_pay) && (n >= large_side || !transpose_a);
  const int threads = threads_available();
  if (!large && threads == 1) return kernel.small(whole);
  // oneDNN sums an element as its tile's shape has it: there the tiles are cut for four threads whatever there are.
  const Tiles t = plan(large, transpose_b, m, n, k, by_onednn<T> && large ? 4 : threads);
  const kernels::Blocks block = blocks<T>(transpose_a, transpose_b, kernel.wide, t.rows, t.columns, k, whole.lda);
  const Index room = large ? packed_size(block) * static_cast<Index>(sizeof(T)) : 0;
  Tensor workspace({threads * room}, u8);
  const Index across = divided(n, t.columns), count = across * divided(m, t.rows);
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
    kernel.large(tile, block, workspace.raw<std::uint8_t>() + (threads > 1 ? worker() : 0) * room);
  };
  if (threads > 1) return run_parallel(count, threads, run);
  for (Index index = 0; index < count; ++index) run(index);
}

template void gemm(bool, bool, Index, Index, Index, const float*, const float*, float*, const float*);
template void gemm(bool, bool, Index, Index, Index, const double*, const double*, double*, const double*);

}  // namespace ravine::detail
