// Sums in a fixed order: lanes within a chunk, chunks one after the other.
#include <ravine/core/kernels/kernels.hpp>

namespace ravine::kernels {
namespace {

// Chunks are summed in T and added up in double: the error does not grow with n.
template <class T>
double sum(const T* x, Index n) {
  constexpr Index chunk = 4096;
  double total = 0.0;
  for (Index begin = 0; begin < n; begin += chunk) {
    const Index end = begin + chunk < n ? begin + chunk : n;
    T part = 0;
#pragma omp simd reduction(+ : part)
    for (Index i = begin; i < end; ++i) part += x[i];
    total += static_cast<double>(part);
  }
  return total;
}

// A block of columns at a time, four rows a pass, since the sums stand in memory; 256 rows to a chunk.
template <class T>
void sum_columns(const T* x, Index rows, Index columns, Index stride, T* y) {
  constexpr Index block = 64, chunk = 256;
  if (columns == 1 && stride == 1) {
    *y = static_cast<T>(sum(x, rows));
    return;
  }
  for (Index first = 0; first < columns; first += block) {
    const Index width = columns - first < block ? columns - first : block;
    T total[block] = {};
    for (Index begin = 0; begin < rows; begin += chunk) {
      const Index end = begin + chunk < rows ? begin + chunk : rows;
      T part[block] = {};
      Index i = begin;
      for (; i + 4 <= end; i += 4) {
        const T* row = x + i * stride + first;
#pragma omp simd
        for (Index j = 0; j < width; ++j)
          part[j] += (row[j] + row[j + stride]) + (row[j + 2 * stride] + row[j + 3 * stride]);
      }
      for (; i < end; ++i) {
        const T* row = x + i * stride + first;
#pragma omp simd
        for (Index j = 0; j < width; ++j) part[j] += row[j];
      }
#pragma omp simd
      for (Index j = 0; j < width; ++j) total[j] += part[j];
    }
    for (Index j = 0; j < width; ++j) y[first + j] = total[j];
  }
}

template <class T>
constexpr Reduce<T> table = {.sum = sum<T>, .sum_columns = sum_columns<T>};

}  // namespace

template <Isa isa, class T>
const Reduce<T>& reduce_table() {
  return table<T>;
}
template const Reduce<float>& reduce_table<Isa::RAVINE_KERNEL_ISA>();
template const Reduce<double>& reduce_table<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
