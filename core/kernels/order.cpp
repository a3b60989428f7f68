// The largest and the smallest elements, and where they stand; sums, running ones too, and products in wider types.
#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>

namespace ravine::kernels {
namespace {

struct Larger {
  static auto before(auto a, auto b) { return a > b; }
};
struct Smaller {
  static auto before(auto a, auto b) { return a < b; }
};

/// On lanes: a where it takes b's place, as NaN always does.
template <class By, class V>
inline V better(V a, V b) {
  return (By::before(a, b) | (a != a)) ? a : b;
}

/// What takes the place of something else, the first of equals and of NaN.
template <class By, class T>
inline bool takes(T a, T b) {
  return By::before(a, b) | ((a != a) & (b == b));
}

template <class By, class T>
T best_of(const T* x, Index n) {
  Vector<T> best[4];
  for (auto& b : best) b = broadcast(x[0]);
  for_strips<T>(n, [&](auto strip, Index i) {
    strip.each([&](int v) { best[v] = better<By>(strip.load(x + i, v, best[v]), best[v]); });
  });
  const auto better_one = [](Vector<T> a, Vector<T> b) { return better<By>(a, b); };
  return fold<T>(better_one(better_one(best[0], best[1]), better_one(best[2], best[3])), better_one);
}

template <class By, class T>
void best_of_rows(const T* x, Index rows, Index columns, T* y) {
  for (Index i = 0; i < rows; ++i) y[i] = best_of<By>(x + i * columns, columns);
}

// Some rows at a time, so that memory is gone through from front to end.
template <class By, class T>
void best_of_columns(const T* x, Index rows, Index columns, Index stride, T* y) {
  constexpr Index block = 16;
  for (Index begin = 0; begin < rows; begin += block, x += block * stride) {
    const Index high = rows - begin < block ? rows - begin : block;
    for_strips<T>(columns, [&](auto strip, Index j) {
      Vector<T> best[4];
      strip.each([&](int v) { best[v] = strip.load(begin == 0 ? x + j : y + j, v); });
      for (Index i = 0; i < high; ++i)
        strip.each([&](int v) { best[v] = better<By>(strip.load(x + i * stride + j, v), best[v]); });
      strip.each([&](int v) { strip.store(y + j, v, best[v]); });
    });
  }
}

// The best of each chunk says which chunk to look through.
template <class By, class T>
Index place_in_row(const T* x, Index n) {
  constexpr Index chunk = 512;
  T best = x[0];
  Index i = 0;
  for (Index begin = 0; begin < n; begin += chunk) {
    const T found = best_of<By>(x + begin, n - begin < chunk ? n - begin : chunk);
    if (!takes<By>(found, best)) continue;
    best = found;
    i = begin;
  }
  while (x[i] != best && x[i] == x[i]) ++i;
  return i;
}

template <class By, class T>
void places_in_rows(const T* x, Index rows, Index columns, Index* y) {
  for (Index i = 0; i < rows; ++i) y[i] = place_in_row<By>(x + i * columns, columns);
}

template <class By, class T>
void places_in_columns(const T* x, Index rows, Index columns, Index stride, Index* y) {
  constexpr Index strip = 64;
  for (Index begin = 0; begin < columns; begin += strip, x += strip, y += strip) {
    const Index n = columns - begin < strip ? columns - begin : strip;
    T best[strip];
    for (Index j = 0; j < n; ++j) {
      best[j] = x[j];
      y[j] = 0;
    }
    for (Index i = 1; i < rows; ++i) {
      const T* row = x + i * stride;
#pragma omp simd
      for (Index j = 0; j < n; ++j) {
        const bool taken = takes<By>(row[j], best[j]);
        best[j] = taken ? row[j] : best[j];
        y[j] = taken ? i : y[j];
      }
    }
  }
}

struct Plus {
  static constexpr int unit = 0;
  static auto of(auto a, auto b) { return a + b; }
};
struct Times {
  static constexpr int unit = 1;
  static auto of(auto a, auto b) { return a * b; }
};
/// Of integers without a sign, as overflow is not defined with one.
template <class T>
using Part = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

template <class By, class T>
void total_of_rows(const T* x, Index rows, Index columns, Wide<T>* y) {
  constexpr Index places = 4 * lanes<double>;
  for (Index i = 0; i < rows; ++i, x += columns) {
    Part<T> part[places];
    for (auto& p : part) p = By::unit;
    Index j = 0;
    for (; j + places <= columns; j += places) {
#pragma omp simd
      for (Index k = 0; k < places; ++k) part[k] = By::of(part[k], static_cast<Part<T>>(x[j + k]));
    }
    for (Index k = 0; j < columns; ++j, ++k) part[k] = By::of(part[k], static_cast<Part<T>>(x[j]));
    for (Index half = places / 2; half > 0; half /= 2)
      for (Index k = 0; k < half; ++k) part[k] = By::of(part[k], part[k + half]);
    y[i] = static_cast<Wide<T>>(part[0]);
  }
}

/// So many rows at a time, as the next ones wait for what is written.
template <class By, int rows, class T>
inline void total_of_rows_below(const T* x, Index columns, Index stride, Wide<T>* y) {
#pragma omp simd
  for (Index j = 0; j < columns; ++j) {
    auto total = static_cast<Part<T>>(y[j]);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) total = By::of(total, static_cast<Part<T>>(x[i * stride + j]));
    y[j] = static_cast<Wide<T>>(total);
  }
}

template <class By, class T>
void total_of_columns(const T* x, Index rows, Index columns, Index stride, Wide<T>* y) {
  for (Index j = 0; j < columns; ++j) y[j] = By::unit;
  for (; columns <= 64 && rows >= 8; rows -= 8, x += 8 * stride) total_of_rows_below<By, 8>(x, columns, stride, y);
  for (; rows > 0; --rows, x += stride) total_of_rows_below<By, 1>(x, columns, stride, y);
}

/// Of some rows at a time, whose sums do not wait for each other.
template <bool from_end, int some, class T>
inline void running_rows(const T* x, Index n, T* y) {
  Part<T> sum[some] = {};
  for (Index i = 0; i < n; ++i)
#pragma GCC unroll 4
    for (int k = 0; k < some; ++k) {
      const Index at = k * n + (from_end ? n - 1 - i : i);
      y[at] = static_cast<T>(sum[k] += static_cast<Part<T>>(x[at]));
    }
}

template <bool from_end, class T>
void running_rows(const T* x, Index rows, Index columns, T* y) {
  Index i = 0;
  for (; i + 4 <= rows; i += 4) running_rows<from_end, 4>(x + i * columns, columns, y + i * columns);
  for (; i < rows; ++i) running_rows<from_end, 1>(x + i * columns, columns, y + i * columns);
}

template <bool from_end, class T>
void running_columns(const T* x, Index rows, Index columns, Index stride, T* y) {
  constexpr Index strip = 64;
  for (Index begin = 0; begin < columns; begin += strip) {
    const Index n = columns - begin < strip ? columns - begin : strip;
    Part<T> sum[strip] = {};
    for (Index i = 0; i < rows; ++i) {
      const Index at = (from_end ? rows - 1 - i : i) * stride + begin;
#pragma omp simd
      for (Index j = 0; j < n; ++j) y[at + j] = static_cast<T>(sum[j] += static_cast<Part<T>>(x[at + j]));
    }
  }
}

template <class T>
constexpr Order<T> table = {.max = {best_of_rows<Larger, T>, best_of_columns<Larger, T>},
                            .min = {best_of_rows<Smaller, T>, best_of_columns<Smaller, T>},
                            .argmax = {places_in_rows<Larger, T>, places_in_columns<Larger, T>},
                            .argmin = {places_in_rows<Smaller, T>, places_in_columns<Smaller, T>},
                            .sum = {total_of_rows<Plus, T>, total_of_columns<Plus, T>},
                            .product = {total_of_rows<Times, T>, total_of_columns<Times, T>},
                            .running = {running_rows<false, T>, running_columns<false, T>},
                            .running_from_end = {running_rows<true, T>, running_columns<true, T>}};

}  // namespace

template <class T>
template <Isa isa>
const Order<T>& Order<T>::compiled() {
  return table<T>;
}
template const Order<float>& Order<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Order<double>& Order<double>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Order<std::int64_t>& Order<std::int64_t>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Order<std::uint8_t>& Order<std::uint8_t>::compiled<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
