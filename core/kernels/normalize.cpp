// Batch normalization, a block of columns at a time: what a block needs stays in the first cache.
#include <cmath>
#include <type_traits>

#include <ravine/core/kernels/kernels.hpp>

namespace ravine::kernels {
namespace {

constexpr Index block = 64;

/// f(first, width): the width of whole blocks is a constant, so that their sums stay in registers.
template <class F>
void for_blocks(Index columns, F f) {
  Index first = 0;
  for (; first + block <= columns; first += block) f(first, std::integral_constant<Index, block>());
  if (first < columns) f(first, columns - first);
}

template <class T>
void statistics(const T* x, Index rows, Index columns, Index stride, T* mean, T* variance) {
  const T scale = T(1) / static_cast<T>(rows);
  for_blocks(columns, [&](Index first, auto size) {
    const Index width = size;
    T sum[block] = {}, squares[block] = {};
    for (Index i = 0; i < rows; ++i) {
      const T* row = x + i * stride + first;
#pragma omp simd
      for (Index j = 0; j < width; ++j) sum[j] += row[j];
    }
#pragma omp simd
    for (Index j = 0; j < width; ++j) sum[j] *= scale;
    // A second pass: the difference of mean square and squared mean would cancel.
    for (Index i = 0; i < rows; ++i) {
      const T* row = x + i * stride + first;
#pragma omp simd
      for (Index j = 0; j < width; ++j) {
        const T d = row[j] - sum[j];
        squares[j] += d * d;
      }
    }
#pragma omp simd
    for (Index j = 0; j < width; ++j) {
      mean[first + j] = sum[j];
      variance[first + j] = squares[j] * scale;
    }
  });
}

template <class T>
void inverse_std(const T* variance, T eps, Index n, T* result) {
#pragma omp simd
  for (Index j = 0; j < n; ++j) result[j] = T(1) / std::sqrt(variance[j] + eps);
}

template <class T>
void move(const T* batch, T momentum, T scale, Index n, T* running) {
  const T keep = T(1) - momentum, take = momentum * scale;
#pragma omp simd
  for (Index j = 0; j < n; ++j) running[j] = keep * running[j] + take * batch[j];
}

template <class T>
void apply(const T* x, Index rows, Index columns, Index stride, const T* mean, const T* inverse_std, const T* weight,
           const T* bias, T* y) {
  for_blocks(columns, [&](Index first, auto size) {
    const Index width = size;
    T scale[block], center[block], shift[block];
#pragma omp simd
    for (Index j = 0; j < width; ++j) {
      scale[j] = inverse_std[first + j] * weight[first + j];
      center[j] = mean[first + j];
      shift[j] = bias[first + j];
    }
    for (Index i = 0; i < rows; ++i) {
      const T* row = x + i * stride + first;
      T* out = y + i * stride + first;
#pragma omp simd
      for (Index j = 0; j < width; ++j) out[j] = (row[j] - center[j]) * scale[j] + shift[j];
    }
  });
}

// With z = (x - mean) inverse_std:  dbias = sum dy,  dweight = sum dy z,
// dx = weight inverse_std (dy - dbias / rows - z dweight / rows).
template <class T>
void pullback(const T* dy, const T* x, Index rows, Index columns, Index stride, const T* mean, const T* inverse_std,
              const T* weight, T* dx, T* dweight, T* dbias) {
  for_blocks(columns, [&](Index first, auto size) {
    const Index width = size;
    T sum[block] = {}, products[block] = {}, center[block];
#pragma omp simd
    for (Index j = 0; j < width; ++j) center[j] = mean[first + j];
    for (Index i = 0; i < rows; ++i) {
      const T* g = dy + i * stride + first;
      const T* row = x + i * stride + first;
#pragma omp simd
      for (Index j = 0; j < width; ++j) {
        sum[j] += g[j];
        products[j] += g[j] * (row[j] - center[j]);
      }
    }
    T scale[block], slope[block], offset[block];
#pragma omp simd
    for (Index j = 0; j < width; ++j) {
      const T s = inverse_std[first + j];
      dbias[first + j] = sum[j];
      dweight[first + j] = products[j] * s;
      scale[j] = weight[first + j] * s;
      slope[j] = scale[j] * s * s * products[j] / static_cast<T>(rows);
      offset[j] = scale[j] * sum[j] / static_cast<T>(rows);
    }
    for (Index i = 0; i < rows; ++i) {
      const T* g = dy + i * stride + first;
      const T* row = x + i * stride + first;
      T* out = dx + i * stride + first;
#pragma omp simd
      for (Index j = 0; j < width; ++j) out[j] = scale[j] * g[j] - slope[j] * (row[j] - center[j]) - offset[j];
    }
  });
}

template <class T>
constexpr Normalize<T> table = {.statistics = statistics<T>,
                                .inverse_std = inverse_std<T>,
                                .move = move<T>,
                                .apply = apply<T>,
                                .pullback = pullback<T>};

}  // namespace

template <Isa isa, class T>
const Normalize<T>& normalize_table() {
  return table<T>;
}
template const Normalize<float>& normalize_table<Isa::RAVINE_KERNEL_ISA>();
template const Normalize<double>& normalize_table<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
