#include <ravine/optim/kernels/rows.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>

#include <ravine/core/math.hpp>

namespace ravine::detail {
namespace {

/// The sum of f(j) over a row, f64 from pieces in T.
template <class T, class F>
[[gnu::always_inline]] inline double sum_over(Index count, F f) {
  constexpr Index piece = 1024;
  double total = 0.0;
  for (Index begin = 0; begin < count; begin += piece) {
    const Index end = std::min(count, begin + piece);
    T sum = 0;
#pragma omp simd reduction(+ : sum)
    for (Index j = begin; j < end; ++j) sum += f(j);
    total += static_cast<double>(sum);
  }
  return total;
}

template <class T>
double squares(const T* g, Index count, T* columns) {
  return sum_over<T>(count, [=](Index j) {
    const T square = g[j] * g[j];
    columns[j] += square;
    return square;
  });
}

template <class T>
T scaled(T g, T by, T most) {
  return g == T(0) ? T(0) : g * (by > most ? most : by);
}

template <class T>
double size(const T* g, Index count, T row, const T* columns, T most) {
  return sum_over<T>(count, [=](Index j) {
    const T u = scaled(g[j], row * columns[j], most);
    return u * u;
  });
}

template <class T>
void step(T* x, const T* g, Index count, T row, const T* columns, T most, T rate, T decay) {
#pragma omp simd
  for (Index j = 0; j < count; ++j) x[j] -= rate * scaled(g[j], row * columns[j], most) + decay * x[j];
}

template <class T>
void step_eps(T* x, const T* g, Index count, T row_root, const T* column_roots, T rate, T eps) {
#pragma omp simd
  for (Index j = 0; j < count; ++j) {
    const T change = rate * g[j] / (row_root * column_roots[j] + eps);
    x[j] -= g[j] == T(0) ? T(0) : change;
  }
}

/// The larger of two numbers that are not negative, or NaN if one is: as bits, NaN is larger than infinity.
template <class T>
T larger_of(T a, T b) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const Bits x = std::bit_cast<Bits>(a), y = std::bit_cast<Bits>(b);
  return std::bit_cast<T>(x > y ? x : y);
}

template <bool averages, class T>
T sm3_row(const SM3Row<T>& given, T* x, const T* g, T* m, Index count, const T* columns, T* next) {
  constexpr Index lanes = 64;
  const SM3Row<T> row = given;
  T most[lanes] = {};
  for (Index begin = 0; begin < count; begin += lanes) {
    const Index here = std::min(lanes, count - begin);
#pragma omp simd
    for (Index i = 0; i < here; ++i) {
      const Index j = begin + i;
      const T least = columns[j] < row.least || columns[j] != columns[j] ? columns[j] : row.least;
      const T nu = g[j] * g[j] + least, scaled = g[j] / math::sqrt(nu + row.eps);
      next[j] = larger_of(next[j], nu);
      most[i] = larger_of(most[i], nu);
      T u = g[j] == T(0) ? g[j] : scaled;
      if constexpr (averages) u = m[j] = row.momentum * m[j] + (T(1) - row.momentum) * u;
      x[j] -= row.lr * u;
    }
  }
  T largest = T(0);
  for (const T one : most) largest = larger_of(largest, one);
  return largest;
}

template <class T>
T sm3(const SM3Row<T>& row, T* x, const T* g, T* m, Index count, const T* columns, T* next) {
  return m ? sm3_row<true>(row, x, g, m, count, columns, next) : sm3_row<false>(row, x, g, m, count, columns, next);
}

template <class T>
constexpr RowLoops<T> loops = {squares<T>, size<T>, step<T>, step_eps<T>, sm3<T>};

}  // namespace

template <Isa isa, class T>
const RowLoops<T>& row_loops() {
  return loops<T>;
}
template const RowLoops<float>& row_loops<Isa::RAVINE_KERNEL_ISA>();
template const RowLoops<double>& row_loops<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::detail
