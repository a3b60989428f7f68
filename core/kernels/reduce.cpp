// Sums in a fixed order: lanes within a chunk, chunks one after the other.
#include <cstring>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

// A chunk is summed in T, in many places at once, and chunks are added up in double: the error does not grow with n.
template <class T>
double sum(const T* x, Index n) {
  constexpr Index width = 64, chunk = 32 * width;
  constexpr int registers = width / lanes<T>;
  const auto plus = [](auto v, auto w) { return v + w; };
  if (n <= 4 * width) {
    Vector<T> part[4] = {};
    for_strips<T>(n, [&](auto strip, Index i) { strip.each([&](int v) { part[v] += strip.load(x + i, v); }); });
    return static_cast<double>(fold<T>((part[0] + part[1]) + (part[2] + part[3]), plus));
  }
  double total = 0.0;
  for (Index begin = 0; begin < n; begin += chunk) {
    const Index end = begin + chunk < n ? begin + chunk : n;
    Vector<T> part[registers] = {};
    Index i = begin;
    for (; i + width <= end; i += width)
      for (int v = 0; v < registers; ++v) part[v] += load(x + i + v * lanes<T>);
    for (int v = 0; i < end; ++v, i += lanes<T>)
      part[v] += load(x + i, static_cast<int>(end - i < lanes<T> ? end - i : lanes<T>));
    for (int half = registers / 2; half > 0; half /= 2)
      for (int v = 0; v < half; ++v) part[v] += part[v + half];
    total += static_cast<double>(fold<T>(part[0], plus));
  }
  return total;
}

/// As many elements as a register has room for in double.
template <class T>
inline Vector<double> widened(const T* x) {
  typedef T Narrow __attribute__((vector_size(lanes<double> * sizeof(T))));
  Narrow v;
  std::memcpy(&v, x, sizeof v);
  return __builtin_convertvector(v, Vector<double>);
}

/// The sum of f(at) over n places, where at(x) is what x has there, in double: one value, or a register of them.
template <class F>
inline double sum_of(Index n, F f) {
  constexpr Index width = lanes<double>;
  const auto registers = [](Index i) { return [i](const auto* x) { return widened(x + i); }; };
  Vector<double> part[4] = {};
  Index i = 0;
  for (; i + 4 * width <= n; i += 4 * width)
    for (Index v = 0; v < 4; ++v) part[v] += f(registers(i + v * width));
  for (; i + width <= n; i += width) part[0] += f(registers(i));
  double sum = fold<double>((part[0] + part[1]) + (part[2] + part[3]), [](auto a, auto b) { return a + b; });
  for (; i < n; ++i) sum += f([i](const auto* x) { return static_cast<double>(x[i]); });
  return sum;
}

template <class T>
double dot(const T* x, const T* y, Index n) {
  return sum_of(n, [=](auto at) { return at(x) * at(y); });
}

template <class T>
double squared_error(const T* x, const T* y, Index n) {
  return sum_of(n, [=](auto at) {
    const auto d = at(x) - at(y);
    return d * d;
  });
}

template <class T>
double squares(const T* x, double scale, Index n) {
  // Of floats, double holds the squares whatever they are.
  if constexpr (sizeof(T) == 4) return sum_of(n, [=](auto at) { return at(x) * at(x); }) * scale * scale;
  return sum_of(n, [=](auto at) {
    const auto v = scale * at(x);
    return v * v;
  });
}

// 0 times a number is 0, times NaN or infinity NaN.
template <class T>
bool finite(const T* x, Index n) {
  Vector<T> nothing[4] = {};
  for_strips<T>(n, [&](auto strip, Index i) {
    strip.each([&](int v) { nothing[v] = multiply_add<T>(strip.load(x + i, v), Vector<T>{}, nothing[v]); });
  });
  const Vector<T> all = (nothing[0] + nothing[1]) + (nothing[2] + nothing[3]);
  return fold<T>(all, [](auto a, auto b) { return a + b; }) == T(0);
}

template <class T>
void square_columns(const T* x, double scale, Index rows, Index columns, Index stride, double* y) {
  for (Index j = 0; j < columns; ++j) y[j] = 0.0;
  for (Index i = 0; i < rows; ++i) {
    const T* row = x + i * stride;
#pragma omp simd
    for (Index j = 0; j < columns; ++j) {
      const double v = scale * static_cast<double>(row[j]);
      y[j] += v * v;
    }
  }
}

// 256 rows to a chunk, four of them a pass.
template <class S, class T>
void sum_strip(S strip, const T* x, Index rows, Index stride, T* y) {
  constexpr Index chunk = 256;
  constexpr int width = S::vectors * lanes<T>;
  Vector<T> part[S::vectors];
  const auto add_up = [&](Index i, Index end) {
    strip.each([&](int v) { part[v] = Vector<T>{}; });
    for (; i + 4 <= end; i += 4) {
      const T* row = x + i * stride;
      strip.each([&](int v) {
        part[v] += (strip.load(row, v) + strip.load(row + stride, v)) +
                   (strip.load(row + 2 * stride, v) + strip.load(row + 3 * stride, v));
      });
    }
    for (; i < end; ++i) {
      const T* row = x + i * stride;
      strip.each([&](int v) { part[v] += strip.load(row, v); });
    }
  };
  if (rows <= chunk) {
    add_up(0, rows);
    return strip.each([&](int v) { strip.store(y, v, part[v]); });
  }
  double total[width] = {};
  T sums[width];
  for (Index begin = 0; begin < rows; begin += chunk) {
    add_up(begin, begin + chunk < rows ? begin + chunk : rows);
    strip.each([&](int v) { store(sums + v * lanes<T>, part[v]); });
    for (int j = 0; j < width; ++j) total[j] += static_cast<double>(sums[j]);
  }
  for (int j = 0; j < width; ++j) sums[j] = static_cast<T>(total[j]);
  strip.each([&](int v) { strip.store(y, v, load(sums + v * lanes<T>)); });
}

template <class T>
void sum_columns(const T* x, Index rows, Index columns, Index stride, T* y) {
  for_strips<T>(columns, [&](auto strip, Index j) { sum_strip(strip, x + j, rows, stride, y + j); });
}

template <class T>
constexpr Reduce<T> table = {.sum = sum<T>,
                             .dot = dot<T>,
                             .squared_error = squared_error<T>,
                             .squares = squares<T>,
                             .square_columns = square_columns<T>,
                             .finite = finite<T>,
                             .sum_columns = sum_columns<T>};

}  // namespace

template <class T>
template <Isa isa>
const Reduce<T>& Reduce<T>::compiled() {
  return table<T>;
}
template const Reduce<float>& Reduce<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Reduce<double>& Reduce<double>::compiled<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
