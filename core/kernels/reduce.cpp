// Sums in a fixed order: lanes within a chunk, chunks one after the other.
#include <type_traits>

#include <ravine/core/kernels/kernels.hpp>

namespace ravine::kernels {
namespace {

constexpr Index sum_block_columns = 32;

// A chunk is summed in T, in many places at once, and chunks are added up in double: the error does not grow with n.
template <class T>
double sum(const T* x, Index n) {
  constexpr Index width = 64, chunk = 32 * width;
  if (n <= 4 * width) {
    T few = 0;
#pragma omp simd reduction(+ : few)
    for (Index i = 0; i < n; ++i) few += x[i];
    return static_cast<double>(few);
  }
  double total = 0.0;
  for (Index begin = 0; begin < n; begin += chunk) {
    const Index end = begin + chunk < n ? begin + chunk : n;
    T part[width] = {};
    Index i = begin;
    for (; i + width <= end; i += width) {
#pragma omp simd
      for (Index j = 0; j < width; ++j) part[j] += x[i + j];
    }
#pragma omp simd
    for (Index j = 0; j < end - i; ++j) part[j] += x[i + j];
    for (Index half = width / 2; half > 0; half /= 2) {
#pragma omp simd
      for (Index j = 0; j < half; ++j) part[j] += part[j + half];
    }
    total += static_cast<double>(part[0]);
  }
  return total;
}

template <class T>
double dot(const T* x, const T* y, Index n) {
  constexpr Index width = 32;
  double part[width] = {};
  Index i = 0;
  for (; i + width <= n; i += width) {
#pragma omp simd
    for (Index j = 0; j < width; ++j) part[j] += static_cast<double>(x[i + j]) * static_cast<double>(y[i + j]);
  }
  for (Index j = 0; i < n; ++i, ++j) part[j] += static_cast<double>(x[i]) * static_cast<double>(y[i]);
  double total = 0.0;
  for (const double p : part) total += p;
  return total;
}

/// width, a constant for whole blocks, so that their sums stay in registers, columns; 256 rows to a chunk, four a pass.
template <class T, class Width>
void sum_block(const T* x, Index rows, Index stride, T* y, Width width) {
  constexpr Index chunk = 256;
  double total[sum_block_columns] = {};
  for (Index begin = 0; begin < rows; begin += chunk) {
    const Index end = begin + chunk < rows ? begin + chunk : rows;
    T part[sum_block_columns] = {};
    Index i = begin;
    for (; i + 4 <= end; i += 4) {
      const T* row = x + i * stride;
#pragma omp simd
      for (Index j = 0; j < width; ++j)
        part[j] += (row[j] + row[j + stride]) + (row[j + 2 * stride] + row[j + 3 * stride]);
    }
    for (; i < end; ++i) {
      const T* row = x + i * stride;
#pragma omp simd
      for (Index j = 0; j < width; ++j) part[j] += row[j];
    }
#pragma omp simd
    for (Index j = 0; j < width; ++j) total[j] += static_cast<double>(part[j]);
  }
  for (Index j = 0; j < width; ++j) y[j] = static_cast<T>(total[j]);
}

template <class T>
void sum_columns(const T* x, Index rows, Index columns, Index stride, T* y) {
  Index first = 0;
  for (; first + sum_block_columns <= columns; first += sum_block_columns)
    sum_block(x + first, rows, stride, y + first, std::integral_constant<Index, sum_block_columns>());
  if (first < columns) sum_block(x + first, rows, stride, y + first, columns - first);
}

template <class T>
constexpr Reduce<T> table = {.sum = sum<T>, .dot = dot<T>, .sum_columns = sum_columns<T>};

}  // namespace

template <Isa isa, class T>
const Reduce<T>& reduce_table() {
  return table<T>;
}
template const Reduce<float>& reduce_table<Isa::RAVINE_KERNEL_ISA>();
template const Reduce<double>& reduce_table<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
