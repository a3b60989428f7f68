// Batch normalization, a strip of columns at a time: its sums stay in registers, and what it reads in the first cache.
#include <cmath>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

// Each takes one strip, its pointers at the strip's first column.

template <class S, class T>
void statistics_strip(S strip, const T* x, Index rows, Index stride, T* mean, T* variance) {
  const Vector<T> scale = broadcast(T(1) / static_cast<T>(rows));
  Vector<T> sum[S::vectors] = {}, squares[S::vectors] = {};
  for (Index i = 0; i < rows; ++i) {
    const T* row = x + i * stride;
    strip.each([&](int v) { sum[v] += strip.load(row, v); });
  }
  strip.each([&](int v) { sum[v] *= scale; });
  // A second pass: the difference of mean square and squared mean would cancel.
  for (Index i = 0; i < rows; ++i) {
    const T* row = x + i * stride;
    strip.each([&](int v) {
      const Vector<T> d = strip.load(row, v) - sum[v];
      squares[v] = multiply_add<T>(d, d, squares[v]);
    });
  }
  strip.each([&](int v) {
    strip.store(mean, v, sum[v]);
    strip.store(variance, v, squares[v] * scale);
  });
}

template <class S, class T>
void apply_strip(S strip, const T* x, Index rows, Index stride, const T* mean, const T* inverse_std, const T* weight,
                 const T* bias, T* y) {
  Vector<T> scale[S::vectors], center[S::vectors], shift[S::vectors];
  strip.each([&](int v) {
    scale[v] = strip.load(inverse_std, v) * strip.load(weight, v);
    center[v] = strip.load(mean, v);
    shift[v] = strip.load(bias, v);
  });
  for (Index i = 0; i < rows; ++i) {
    const T* row = x + i * stride;
    T* out = y + i * stride;
    strip.each(
        [&](int v) { strip.store(out, v, multiply_add<T>(strip.load(row, v) - center[v], scale[v], shift[v])); });
  }
}

// With z = (x - mean) inverse_std:  dbias = sum dy,  dweight = sum dy z,
// dx = weight inverse_std (dy - dbias / rows - z dweight / rows).
template <class S, class T>
void pullback_strip(S strip, const T* dy, const T* x, Index rows, Index stride, const T* mean, const T* inverse_std,
                    const T* weight, T* dx, T* dweight, T* dbias) {
  const Vector<T> share = broadcast(T(1) / static_cast<T>(rows));
  Vector<T> center[S::vectors], sum[S::vectors] = {}, products[S::vectors] = {};
  strip.each([&](int v) { center[v] = strip.load(mean, v); });
  for (Index i = 0; i < rows; ++i) {
    const T *g = dy + i * stride, *row = x + i * stride;
    strip.each([&](int v) {
      const Vector<T> upstream = strip.load(g, v);
      sum[v] += upstream;
      products[v] = multiply_add<T>(upstream, strip.load(row, v) - center[v], products[v]);
    });
  }
  Vector<T> scale[S::vectors], slope[S::vectors], offset[S::vectors];
  strip.each([&](int v) {
    const Vector<T> s = strip.load(inverse_std, v);
    strip.store(dbias, v, sum[v]);
    strip.store(dweight, v, products[v] * s);
    scale[v] = strip.load(weight, v) * s;
    slope[v] = -(scale[v] * s * s * products[v] * share);
    offset[v] = -(scale[v] * sum[v] * share);
  });
  for (Index i = 0; i < rows; ++i) {
    const T *g = dy + i * stride, *row = x + i * stride;
    T* out = dx + i * stride;
    strip.each([&](int v) {
      const Vector<T> d = multiply_add<T>(strip.load(row, v) - center[v], slope[v], offset[v]);
      strip.store(out, v, multiply_add<T>(strip.load(g, v), scale[v], d));
    });
  }
}

template <class T>
void statistics(const T* x, Index rows, Index columns, Index stride, T* mean, T* variance) {
  for_strips<T>(columns,
                [&](auto strip, Index j) { statistics_strip(strip, x + j, rows, stride, mean + j, variance + j); });
}

template <class T>
void apply(const T* x, Index rows, Index columns, Index stride, const T* mean, const T* inverse_std, const T* weight,
           const T* bias, T* y) {
  for_strips<T>(columns, [&](auto strip, Index j) {
    apply_strip(strip, x + j, rows, stride, mean + j, inverse_std + j, weight + j, bias + j, y + j);
  });
}

template <class T>
void pullback(const T* dy, const T* x, Index rows, Index columns, Index stride, const T* mean, const T* inverse_std,
              const T* weight, T* dx, T* dweight, T* dbias) {
  for_strips<T>(columns, [&](auto strip, Index j) {
    pullback_strip(strip, dy + j, x + j, rows, stride, mean + j, inverse_std + j, weight + j, dx + j, dweight + j,
                   dbias + j);
  });
}

template <class T>
void inverse_std(const T* variance, T eps, Index n, T* result) {
#pragma omp simd
  for (Index j = 0; j < n; ++j) result[j] = T(1) / std::sqrt(variance[j] + eps);
}

template <class T>
void move(const T* batch, T keep, T take, Index n, T* running) {
#pragma omp simd
  for (Index j = 0; j < n; ++j) running[j] = keep * running[j] + take * batch[j];
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
