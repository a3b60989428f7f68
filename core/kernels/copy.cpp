// Elements that go elsewhere, as they are or in another type.
#include <cstring>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/kernels/simd.hpp>
#include <ravine/core/scalar.hpp>

namespace ravine::kernels {
namespace {

template <class T>
[[gnu::always_inline]] inline void fill(T value, T* y, Index n) {
  const Vector<T> all = broadcast(value);
  Index i = 0;
  for (; i + 4 * lanes<T> <= n; i += 4 * lanes<T>) Strip<T, 4>::each([&](int v) { store(y + i + v * lanes<T>, all); });
  for (; i + lanes<T> <= n; i += lanes<T>) store(y + i, all);
  if (i < n) i > 0 ? store(y + n - lanes<T>, all) : store(y, all, static_cast<int>(n));
}

/// n elements, so many at a time: the last ones together with some before them, and fewer by halves.
template <int size, class T>
inline void copy(const T* x, T* y, Index n) {
  if constexpr (size > 1)
    if (n < size) return copy<size / 2>(x, y, n);
  for (Index i = 0; i < n; i += size) {
    const Index at = i + size <= n ? i : n - size;
    std::memcpy(y + at, x + at, size * sizeof(T));
  }
}

template <class T>
inline void copy(const T* x, T* y, Index n) {
  constexpr Index long_row = 2048 / sizeof(T), strip = 4 * lanes<T>;
  if (n >= long_row) {  // beyond the caches the C library's is faster
    std::memcpy(y, x, static_cast<std::size_t>(n) * sizeof(T));
    return;
  }
  for (; n >= strip; n -= strip, x += strip, y += strip)
    Strip<T, 4>::each([&](int v) { store(y + v * lanes<T>, load(x + v * lanes<T>)); });
  copy<strip / 2>(x, y, n);
}

/// y[i * y_stride + j] = x[j * x_stride + i] for i < rows, j < columns, both at most as many as there are lanes.
template <bool whole, class T>
inline void transpose_block(const T* x, Index x_stride, int rows, int columns, T* y, Index y_stride) {
  Vector<T> r[lanes<T>];
#pragma GCC unroll 16
  for (int j = 0; j < lanes<T>; ++j)
    r[j] = whole ? load(x + j * x_stride) : j < columns ? load(x + j * x_stride, rows) : Vector<T>{};
  transpose<T>(r);
#pragma GCC unroll 16
  for (int i = 0; i < lanes<T>; ++i) {
    if constexpr (whole)
      store(y + i * y_stride, r[i]);
    else if (i < rows)
      store(y + i * y_stride, r[i], columns);
  }
}

template <class T>
void transpose_plane(const T* x, Index x_stride, Index rows, Index columns, T* y, Index y_stride) {
  constexpr Index block = lanes<T>, group = 4 * block;  // several blocks of x that are neighbours in memory
  const auto size = [](Index n) { return static_cast<int>(n < block ? n : block); };
  for (Index i0 = 0; i0 < rows; i0 += group)
    for (Index j = 0; j < columns; j += block)
      for (Index i = i0; i < rows && i < i0 + group; i += block) {
        const int height = size(rows - i), width = size(columns - j);
        const T* from = x + j * x_stride + i;
        T* to = y + i * y_stride + j;
        if (height == block && width == block)
          transpose_block<true>(from, x_stride, height, width, to, y_stride);
        else
          transpose_block<false>(from, x_stride, height, width, to, y_stride);
      }
}

template <class T>
void any_plane(const T* x, Index row_step, Index column_step, Index rows, Index columns, T* y, Index stride) {
  constexpr Index tile = 32;  // which stays in the cache
  for (Index i0 = 0; i0 < rows; i0 += tile)
    for (Index j0 = 0; j0 < columns; j0 += tile)
      for (Index i = i0; i < rows && i < i0 + tile; ++i)
        for (Index j = j0; j < columns && j < j0 + tile; ++j) y[i * stride + j] = x[i * row_step + j * column_step];
}

template <class T>
void plane(const T* x, Index row_step, Index column_step, Index rows, Index columns, T* y, Index stride) {
  constexpr Index few = 8;  // columns, for which it does not pay to begin with registers
  if (columns == 1 && stride == 1 && rows > 1) {
    plane(x, 0, row_step, 1, rows, y, rows);
  } else if (columns == 1) {
    for (Index i = 0; i < rows; ++i) y[i * stride] = x[i * row_step];
  } else if (columns < few) {
    for (Index i = 0; i < rows; ++i)
      for (Index j = 0; j < columns; ++j) y[i * stride + j] = x[i * row_step + j * column_step];
  } else if (column_step == 1) {
    for (Index i = 0; i < rows; ++i) copy(x + i * row_step, y + i * stride, columns);
  } else if (column_step == 0) {
    for (Index i = 0; i < rows; ++i) fill(x[i * row_step], y + i * stride, columns);
  } else if (column_step == -1) {
    for (Index i = 0; i < rows; ++i)
#pragma omp simd
      for (Index j = 0; j < columns; ++j) y[i * stride + j] = x[i * row_step - j];
  } else if (sizeof(T) >= 4 && row_step == 1 && rows > 1) {
    if constexpr (sizeof(T) >= 4) transpose_plane(x, column_step, rows, columns, y, stride);
  } else {
    any_plane(x, row_step, column_step, rows, columns, y, stride);
  }
}

template <class T>
void gather(const T* x, Index stride, Index step, const Index* positions, Index n, T* y) {
  // One by one: AVX2's own gathers are slower on Zen 3.
#pragma GCC unroll 4
  for (Index i = 0; i < n; ++i, x = unrelated(x + stride)) y[i] = x[positions[i] * step];
}

template <class T>
void select(const T* x, Index x_stride, const Index* positions, Index n, Index columns, T* y, Index y_stride) {
  if (columns == 1 && y_stride == 1) return gather(x, 0, x_stride, positions, n, y);
  for (Index i = 0; i < n; ++i) copy(x + positions[i] * x_stride, y + i * y_stride, columns);
}

template <class T>
void add(const T* x, Index x_stride, const Index* positions, Index n, Index columns, T* y, Index y_stride) {
  for (Index i = 0; i < n; ++i) {
    const T* from = x + i * x_stride;
    T* to = y + positions[i] * y_stride;
#pragma omp simd
    for (Index j = 0; j < columns; ++j) to[j] = static_cast<T>(to[j] + from[j]);
  }
}

template <class T, class To>
void convert(const T* x, To* y, Index n) {
  constexpr Index block = 64;
  Index i = 0;
  // Where all of a block fit into integers, which is seen at once, the processor's own conversion will do.
  if constexpr (sizeof(T) > 1 && std::is_integral_v<To> && std::is_integral_v<T> == (sizeof(To) == 1)) {
    constexpr T low = static_cast<T>(std::numeric_limits<To>::min()),
                high = static_cast<T>(std::numeric_limits<To>::max());
    const auto beyond = [](T v) {
      if constexpr (std::is_integral_v<T>)
        return v & ~high;
      else
        return static_cast<int>(!((v > low) & (v < high)));
    };
    for (; i + block <= n; i += block) {
      decltype(beyond(*x)) any = 0;
#pragma omp simd reduction(| : any)
      for (Index k = i; k < i + block; ++k) any |= beyond(x[k]);
      if (any) break;
#pragma omp simd
      for (Index k = i; k < i + block; ++k) y[k] = static_cast<To>(x[k]);
    }
  }
  for (; i < n; ++i) y[i] = detail::convert<To>(x[i]);
}

template <class T>
constexpr Copy<T> table = {
    .fill = fill<T>,
    .plane = plane<T>,
    .gather = gather<T>,
    .select = select<T>,
    .add = add<T>,
    .to = {convert<T, float>, convert<T, double>, convert<T, std::int64_t>, convert<T, std::uint8_t>},
};

}  // namespace

template <class T>
template <Isa isa>
const Copy<T>& Copy<T>::compiled() {
  return table<T>;
}
template const Copy<float>& Copy<float>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Copy<double>& Copy<double>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Copy<std::int64_t>& Copy<std::int64_t>::compiled<Isa::RAVINE_KERNEL_ISA>();
template const Copy<std::uint8_t>& Copy<std::uint8_t>::compiled<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::kernels
