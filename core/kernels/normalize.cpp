// Normalization of lines. Columns are taken a strip at a time, so that its sums stay in registers, and what is written
// in blocks of rows; rows are taken one by one. One pass over deviations from about the mean, that of four values: the
// digits that far values have in common are gone before anything is rounded.
#include <cmath>
#include <limits>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

// ---- one line, whatever is in it

constexpr Index places = 16;

/// f(i, k) for all i < n, where k is one of so many places to gather in, each of which is a lane of a register.
template <class F>
inline void over_places(Index n, F f) {
  Index i = 0;
  for (; i + places <= n; i += places) {
#pragma omp simd
    for (Index k = 0; k < places; ++k) f(i + k, k);
  }
  for (Index k = 0; i < n; ++i, ++k) f(i, k);
}

inline double total(const double (&part)[places]) {
  double sum = 0.0;
  for (const double each : part) sum += each;
  return sum;
}

/// The moments of line j, whose n values at(0), at(1), … are taken less the first one and over the largest of these
/// deviations, so that neither digits nor squares are lost. Halves, as a difference of two values may overflow.
template <class T, class At>
inline bool line_moments(At at, Index n, bool about_mean, double eps, const Moments<T>& m, Index j) {
  const double first = about_mean && n > 0 ? 0.5 * static_cast<double>(at(0)) : 0.0;
  double largest = 0.0, sizes[places] = {}, sum[places] = {}, squares[places] = {};
  over_places(n, [&](Index i, Index k) {
    const double d = 0.5 * static_cast<double>(at(i)) - first, size = d < 0.0 ? -d : d;
    sizes[k] = size > sizes[k] ? size : sizes[k];
  });
  for (const double size : sizes) largest = size > largest ? size : largest;
  const double unit = largest > 4 * std::numeric_limits<double>::min() ? largest : 1.0, scale = 1.0 / unit;
  over_places(n, [&](Index i, Index k) {
    const double d = (0.5 * static_cast<double>(at(i)) - first) * scale;
    sum[k] += d;
    squares[k] += d * d;
  });
  const double count = static_cast<double>(n), offset = about_mean ? total(sum) / count : 0.0;
  const double spread = total(squares) / count - offset * offset;
  const double deviation = 2.0 * unit * std::sqrt(spread < 0.0 ? 0.0 : spread);
  m.mean[j] = static_cast<T>(2.0 * (first + unit * offset));
  m.rest[j] = static_cast<T>(2.0 * ((first - 0.5 * static_cast<double>(m.mean[j])) + unit * offset));
  m.variance[j] = static_cast<T>(deviation * deviation);
  m.inverse_std[j] = static_cast<T>(1.0 / std::hypot(deviation, std::sqrt(eps)));
  // Further apart, 1 / std would be subnormal. Infinite values have NaN for their moments.
  return largest <= 0.5 / static_cast<double>(std::numeric_limits<T>::min()) || largest - largest != 0.0;
}

// ---- columns. Each takes one strip, its pointers at the strip's first column.

/// A sum in two parts, so that it does not lose what is small beside it.
template <class T>
struct Total {
  Vector<T> high, low;
  void add(Vector<T> part) {
    const Vector<T> sum = high + part, moved = sum - high;
    low += (high - (sum - moved)) + (part - moved);
    high = sum;
  }
  Vector<T> value() const { return high + low; }
};

/// f(row, v, a, b) for all rows and registers adds to a and b, which go to the totals after every few rows.
template <class S, class T, class F>
inline void sum_rows(S strip, Index rows, Total<T> (&a)[S::vectors], Total<T> (&b)[S::vectors], F f) {
  constexpr Index chunk = 64;
  for (Index begin = 0; begin < rows; begin += chunk) {
    const Index end = begin + chunk < rows ? begin + chunk : rows;
    Vector<T> first[S::vectors] = {}, second[S::vectors] = {};
    for (Index i = begin; i < end; ++i) strip.each([&](int v) { f(i, v, first[v], second[v]); });
    strip.each([&](int v) {
      a[v].add(first[v]);
      b[v].add(second[v]);
    });
  }
}

// Leaves the square of how far from the mean it started in inverse_std.
template <class S, class T>
void moments_strip(S strip, const T* x, Index rows, Index stride, const Moments<T>& m, Index j) {
  const Vector<T> share = broadcast(T(1) / static_cast<T>(rows)), quarter = broadcast(T(0.25));
  Vector<T> center[S::vectors];
  strip.each([&](int v) {
    const auto at = [&](Index i) { return strip.load(x + i * stride, v); };
    center[v] = ((at(0) + at(rows / 4)) + (at(rows / 2) + at(rows * 3 / 4))) * quarter;
  });
  Total<T> sum[S::vectors] = {}, squares[S::vectors] = {};
  sum_rows(strip, rows, sum, squares, [&](Index i, int v, Vector<T>& s, Vector<T>& q) {
    const Vector<T> d = strip.load(x + i * stride, v) - center[v];
    s += d;
    q = multiply_add<T>(d, d, q);
  });
  strip.each([&](int v) {
    const Vector<T> t = sum[v].value() * share, mean = center[v] + t;
    strip.store(m.mean + j, v, mean);
    strip.store(m.rest + j, v, (center[v] - mean) + t);
    strip.store(m.variance + j, v, multiply_add<T>(-t, t, squares[v].value() * share));
    strip.store(m.inverse_std + j, v, t * t);
  });
}

/// f(strip, column, row, end) on strips of blocks of rows, so that memory is gone through once and from front to end.
template <class T, class F>
inline void for_blocks(Index rows, Index columns, F f) {
  constexpr Index size = 8192, least = 8;
  const Index high = columns * least < size ? size / columns : least;
  for (Index i = 0; i < rows; i += high)
    for_strips<T>(columns, [&](auto strip, Index j) { f(strip, j, i, rows - i < high ? rows : i + high); });
}

// With z = (x - mean) inverse_std:  dbias = sum dy,  dweight = sum dy z.
template <class S, class T>
void sums_strip(S strip, const T* dy, const T* x, Index rows, Index stride, const Moments<const T>& m, Index j,
                T* dweight, T* dbias) {
  Vector<T> center[S::vectors], inverse[S::vectors];
  strip.each([&](int v) {
    center[v] = strip.load(m.mean + j, v);
    inverse[v] = strip.load(m.inverse_std + j, v);
  });
  Total<T> sum[S::vectors] = {}, products[S::vectors] = {};
  sum_rows(strip, rows, sum, products, [&](Index i, int v, Vector<T>& s, Vector<T>& p) {
    const Vector<T> g = strip.load(dy + i * stride, v);
    s += g;
    p = multiply_add<T>(g, (strip.load(x + i * stride, v) - center[v]) * inverse[v], p);
  });
  strip.each([&](int v) {
    const Vector<T> g = sum[v].value(), rest = -strip.load(m.rest + j, v) * inverse[v];
    strip.store(dbias, v, g);
    strip.store(dweight, v, multiply_add<T>(g, rest, products[v].value()));
  });
}

// Columns whose squares leave the range of T, or may have, and those whose four rows told nothing are done anew.
template <class T>
bool column_moments(const T* x, Index rows, Index columns, Index stride, double eps, const Moments<T>& m) {
  for_strips<T>(columns, [&](auto strip, Index j) { moments_strip(strip, x + j, rows, stride, m, j); });
  constexpr T least = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  constexpr T largest = std::numeric_limits<T>::max();
  const T shift = static_cast<T>(eps), constant = shift >= least ? T(0) : least;
  const T* variance = m.variance;
  T* inverse = m.inverse_std;
  int odd = 0;
#pragma omp simd reduction(| : odd)
  for (Index j = 0; j < columns; ++j) {
    const T v = variance[j];
    const bool plain = (((v >= least) & (v <= largest)) | (v == constant)) & (inverse[j] <= 4 * v);
    odd |= plain ? 0 : 1;
    inverse[j] = plain ? T(1) / std::sqrt(v + shift) : T(-1);
  }
  bool fit = true;
  for (Index j = 0; odd && j < columns; ++j)
    if (inverse[j] == T(-1))
      fit &= line_moments([x, stride, j](Index i) { return x[i * stride + j]; }, rows, true, eps, m, j);
  return fit;
}

template <class T>
void normalize_columns(const T* x, Index rows, Index columns, const Moments<const T>& m, const T* weight, const T* bias,
                       T* y) {
  for_blocks<T>(rows, columns, [&](auto strip, Index j, Index i, Index end) {
    Vector<T> scale[strip.vectors], center[strip.vectors], shift[strip.vectors];
    strip.each([&](int v) {
      scale[v] = strip.load(m.inverse_std + j, v) * strip.load(weight + j, v);
      center[v] = strip.load(m.mean + j, v);
      shift[v] = multiply_add<T>(-strip.load(m.rest + j, v), scale[v], strip.load(bias + j, v));
    });
    for (Index at = i * columns + j; i < end; ++i, at += columns)
      strip.each([&](int v) {
        strip.store(y + at, v, multiply_add<T>(strip.load(x + at, v) - center[v], scale[v], shift[v]));
      });
  });
}

template <class T>
void column_sums(const T* dy, const T* x, Index rows, Index columns, Index stride, const Moments<const T>& m,
                 T* dweight, T* dbias) {
  for_strips<T>(columns, [&](auto strip, Index j) {
    sums_strip(strip, dy + j, x + j, rows, stride, m, j, dweight + j, dbias + j);
  });
}

// dx = weight inverse_std (dy - dbias / count - z dweight / count)
template <class T>
void columns_pullback(const T* dy, const T* x, Index rows, Index columns, Index count, const Moments<const T>& m,
                      const T* weight, const T* dweight, const T* dbias, T* dx) {
  const Vector<T> n = broadcast(static_cast<T>(count));
  for_blocks<T>(rows, columns, [&](auto strip, Index j, Index i, Index end) {
    Vector<T> center[strip.vectors], scale[strip.vectors], slope[strip.vectors], offset[strip.vectors];
    strip.each([&](int v) {
      const Vector<T> inverse = strip.load(m.inverse_std + j, v), rest = -strip.load(m.rest + j, v) * inverse;
      const Vector<T> p = strip.load(dweight + j, v) / n;
      center[v] = strip.load(m.mean + j, v);
      scale[v] = strip.load(weight + j, v) * inverse;
      slope[v] = -p * inverse;
      offset[v] = multiply_add<T>(rest, p, strip.load(dbias + j, v) / n);
    });
    for (Index at = i * columns + j; i < end; ++i, at += columns)
      strip.each([&](int v) {
        const Vector<T> own = strip.load(dy + at, v) - offset[v];
        strip.store(dx + at, v, multiply_add<T>(strip.load(x + at, v) - center[v], slope[v], own) * scale[v]);
      });
  });
}

// ---- rows

/// f(strip, j, v, a, b) for all registers of a row of n adds to a and b; their sums over the lanes come out. What is
/// beyond the row must add 0.
template <class T, class F>
inline Sums sum_row(Index n, F f) {
  constexpr Index chunk = 64 * lanes<T>;
  const auto total = [](const Vector<T>(&v)[4]) {
    return static_cast<double>(fold<T>((v[0] + v[1]) + (v[2] + v[3]), [](auto a, auto b) { return a + b; }));
  };
  Sums sums;
  for (Index begin = 0; begin < n; begin += chunk) {
    Vector<T> first[4] = {}, second[4] = {};
    for_strips<T>(n - begin < chunk ? n - begin : chunk, [&](auto strip, Index j) {
      strip.each([&](int v) { f(strip, begin + j, v, first[v], second[v]); });
    });
    sums.first += total(first);
    sums.second += total(second);
  }
  return sums;
}

template <class T>
Sums deviations(const T* x, Index n, T from) {
  const Vector<T> center = broadcast(from);
  return sum_row<T>(n, [&](auto strip, Index j, int v, Vector<T>& s, Vector<T>& q) {
    const Vector<T> d = strip.load(x + j, v, center) - center;
    s += d;
    q = multiply_add<T>(d, d, q);
  });
}

constexpr Index some = 32;  // rows, of which roots and quotients are taken together

/// What follows from the sums of so many rows at most, whose values begin at x and moments at i.
template <class T>
bool settle(const T* x, Index rows, Index n, bool about_mean, double eps, const T* from, const double* sums,
            const double* squares, const Moments<T>& m, Index i) {
  constexpr double least = std::numeric_limits<T>::min() / std::numeric_limits<T>::epsilon();
  const double count = static_cast<double>(n), share = about_mean ? 1.0 : 0.0;
  double offset[some], variance[some], inverse[some];
#pragma omp simd
  for (Index k = 0; k < rows; ++k) {
    offset[k] = share * (sums[k] / count);
    variance[k] = squares[k] / count - offset[k] * offset[k];
    inverse[k] = 1.0 / std::sqrt(variance[k] + eps);
  }
  bool fit = true;
  for (Index k = 0; k < rows; ++k) {
    const double t = offset[k], v = variance[k], center = static_cast<double>(from[k]);
    const bool constant = squares[k] == 0.0 && eps >= least;
    if (!((v >= least && v <= 1.0 / least && t * t <= 4 * v) || constant)) {
      fit &= line_moments([row = x + k * n](Index j) { return row[j]; }, n, about_mean, eps, m, i + k);
      continue;
    }
    const T mean = static_cast<T>(center + t);
    m.mean[i + k] = mean;
    m.rest[i + k] = static_cast<T>((center - static_cast<double>(mean)) + t);
    m.variance[i + k] = static_cast<T>(v);
    m.inverse_std[i + k] = static_cast<T>(inverse[k]);
  }
  return fit;
}

template <class T>
bool settle(const T* x, Index n, bool about_mean, double eps, T from, Sums sums, const Moments<T>& m, Index i) {
  return settle(x, 1, n, about_mean, eps, &from, &sums.first, &sums.second, m, i);
}

template <class T>
bool row_moments(const T* x, Index rows, Index columns, bool about_mean, double eps, const Moments<T>& m) {
  T from[some];
  double sums[some], squares[some];
  bool fit = true;
  for (Index i = 0; i < rows; i += some, x += some * columns) {
    const Index high = rows - i < some ? rows - i : some;
    for (Index k = 0; k < high; ++k) {
      const T* row = x + k * columns;
      from[k] = about_mean ? about_the_mean(row, columns) : T(0);
      const Sums of = deviations(row, columns, from[k]);
      sums[k] = of.first;
      squares[k] = of.second;
    }
    fit &= settle(x, high, columns, about_mean, eps, from, sums, squares, m, i);
  }
  return fit;
}

template <class T>
void normalize_rows(const T* x, Index rows, Index columns, const Moments<const T>& m, const T* weight, const T* bias,
                    T* y) {
  for (Index i = 0; i < rows; ++i) {
    const T center = m.mean[i], scale = m.inverse_std[i], rest = -m.rest[i] * scale;
    const T* row = x + i * columns;
    T* out = y + i * columns;
#pragma omp simd
    for (Index j = 0; j < columns; ++j) out[j] = ((row[j] - center) * scale + rest) * weight[j] + bias[j];
  }
}

// With z as above and g = dy weight:  dx = inverse_std (g - mean g - z mean(g z)), without the mean of g about 0.
template <class T>
void rows_pullback(const T* dy, const T* x, Index rows, Index columns, bool about_mean, const Moments<const T>& m,
                   const T* weight, T* dx, T* dweight, T* dbias) {
  for (Index j = 0; j < columns; ++j) dweight[j] = dbias[j] = 0;
  for (Index i = 0; i < rows; ++i) {
    const T center = m.mean[i], scale = m.inverse_std[i], rest = -m.rest[i] * scale;
    const T *up = dy + i * columns, *row = x + i * columns;
    T* out = dx + i * columns;
    const Vector<T> scales = broadcast(scale), rests = broadcast(rest);
    const Sums sums = sum_row<T>(columns, [&](auto strip, Index j, int v, Vector<T>& s, Vector<T>& p) {
      const Vector<T> g = strip.load(up + j, v) * strip.load(weight + j, v);
      s += g;
      p = multiply_add<T>(g, multiply_add<T>(strip.load(row + j, v) - center, scales, rests), p);
    });
    const double count = static_cast<double>(columns);
    const T offset = about_mean ? static_cast<T>(sums.first / count) : T(0);
    const T slope = static_cast<T>(sums.second / count);
#pragma omp simd
    for (Index j = 0; j < columns; ++j) {
      const T g = up[j], z = (row[j] - center) * scale + rest;
      dweight[j] += g * z;
      dbias[j] += g;
      out[j] = (g * weight[j] - offset - z * slope) * scale;
    }
  }
}

// ---- given and running statistics

template <class T>
void inverse_std(const T* variance, double eps, Index n, T* result) {
#pragma omp simd
  for (Index j = 0; j < n; ++j) result[j] = static_cast<T>(1.0 / std::sqrt(static_cast<double>(variance[j]) + eps));
}

template <class T>
bool move(const T* batch, T keep, T take, Index n, T* running) {
  int beyond = 0;
#pragma omp simd reduction(| : beyond)
  for (Index j = 0; j < n; ++j) {
    const T moved = keep * running[j] + take * batch[j];
    beyond |= moved > std::numeric_limits<T>::max() || moved < -std::numeric_limits<T>::max();
  }
  if (beyond) return false;
#pragma omp simd
  for (Index j = 0; j < n; ++j) running[j] = keep * running[j] + take * batch[j];
  return true;
}

template <class T>
constexpr Normalize<T> table = {.column_moments = column_moments<T>,
                                .row_moments = row_moments<T>,
                                .deviations = deviations<T>,
                                .settle = settle<T>,
                                .inverse_std = inverse_std<T>,
                                .move = move<T>,
                                .columns = normalize_columns<T>,
                                .rows = normalize_rows<T>,
                                .column_sums = column_sums<T>,
                                .columns_pullback = columns_pullback<T>,
                                .rows_pullback = rows_pullback<T>};

}  // namespace

template <class T>
template <Isa isa>
const Normalize<T>& Normalize<T>::compiled() {
  return table<T>;
}
template const Normalize<float>& Normalize<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Normalize<double>& Normalize<double>::compiled<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
