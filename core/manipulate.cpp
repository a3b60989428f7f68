#include <ravine/core/manipulate.hpp>

#include <algorithm>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

using detail::text;

/// A shape around one of its dimensions: element (o, i, k) is at (o size + i) inner + k.
struct Around {
  Around(const Shape& shape, int dim) : size(shape[dim]) {
    for (int d = 0; d < dim; ++d) outer *= shape[d];
    for (int d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  }
  Index outer = 1, size, inner = 1;
};

/// `shape` with another size in one dimension.
Shape with_size(Shape shape, int dim, Index size) {
  shape[dim] = size;
  return shape;
}

/// to[c to_stride + r] = from[r from_stride + c] for r < rows and c < columns, in tiles that stay in the cache.
template <class T>
void transpose_plane(T* to, Index to_stride, const T* from, Index from_stride, Index rows, Index columns) {
  constexpr Index tile = 32;
  for (Index r0 = 0; r0 < rows; r0 += tile) {
    for (Index c0 = 0; c0 < columns; c0 += tile) {
      const Index r1 = std::min(r0 + tile, rows), c1 = std::min(c0 + tile, columns);
      for (Index c = c0; c < c1; ++c)
        for (Index r = r0; r < r1; ++r) to[c * to_stride + r] = from[r * from_stride + c];
    }
  }
}

/// The same for a plane of runs: each position holds `run` elements.
template <class T>
void transpose_runs(T* to, Index to_stride, const T* from, Index from_stride, Index rows, Index columns, Index run) {
  for (Index c = 0; c < columns; ++c)
    for (Index r = 0; r < rows; ++r) std::copy_n(from + r * from_stride + c * run, run, to + c * to_stride + r * run);
}

/// Elements of a tensor from dimension d on, before and after it is broadcast; dimensions count as in the result.
struct Spread {
  Spread(const Shape& from_shape, const Shape& to_shape) : sizes(to_shape) {
    const int rank = to_shape.rank(), added = rank - from_shape.rank();
    from[rank] = to[rank] = 1;
    for (int d = rank - 1; d >= 0; --d) {
      from[d] = from[d + 1] * (d < added ? 1 : from_shape[d - added]);
      to[d] = to[d + 1] * to_shape[d];
    }
  }

  /// Writes the to[d] elements that the from[d] elements at `x` become.
  template <class T>
  void operator()(T* y, const T* x, int d) const {
    if (from[d] == to[d]) {
      std::copy_n(x, to[d], y);
    } else if (from[d] == 1) {
      std::fill_n(y, to[d], *x);
    } else {
      const bool repeated = from[d] == from[d + 1] && sizes[d] > 1;
      (*this)(y, x, d + 1);
      for (Index i = 1; i < sizes[d]; ++i) {
        if (repeated)
          std::copy_n(y, to[d + 1], y + i * to[d + 1]);
        else
          (*this)(y + i * to[d + 1], x + i * from[d + 1], d + 1);
      }
    }
  }

  const Shape& sizes;
  Index from[max_rank + 1], to[max_rank + 1];
};

/// The elements of `index`, checked to be positions of x's dimension `dim`.
const Index* checked_positions(const char* op, const Tensor& index, const Shape& x, int dim) {
  if (index.dtype() != i64) throw DTypeError(text(op, ": index must be i64, got ", index.dtype()));
  const Index* positions = index.raw<Index>();
  for (Index i = 0, n = index.numel(); i < n; ++i)
    if (positions[i] < 0 || positions[i] >= x[dim])
      throw std::out_of_range(text(op, ": position ", positions[i], " is outside dimension ", dim, " of ", x));
  return positions;
}

/// Checks what index_select needs and gives the positions.
const Index* checked_select(const char* op, const Tensor& index, const Shape& x, int dim) {
  if (index.rank() != 1) throw ShapeError(text(op, ": index must have one dimension, got ", index.shape()));
  return checked_positions(op, index, x, dim);
}

/// Calls f(i, j) for every element i of `index`, j being the element of x that gather takes for it.
template <class F>
void each_gathered(const char* op, const Tensor& index, const Shape& x, int dim, F f) {
  const Shape& shape = index.shape();
  bool fits = shape.rank() == x.rank();
  for (int d = 0; fits && d < x.rank(); ++d) fits = d == dim || shape[d] <= x[d];
  if (!fits) throw ShapeError(text(op, ": index ", shape, " does not fit ", x, " along dimension ", dim));
  const Index* positions = checked_positions(op, index, x, dim);
  if (index.numel() == 0) return;

  const int last = x.rank() - 1;
  Index strides[max_rank];
  strides[last] = 1;
  for (int d = last; d > 0; --d) strides[d - 1] = strides[d] * x[d];
  const Index step = strides[dim];
  strides[dim] = 0;  // the index says where along this one

  Index at[max_rank] = {};
  Index row = 0;  // where x's row begins that the row of the index looks at
  for (Index i = 0, n = index.numel(); i < n;) {
    for (Index k = 0; k < shape[last]; ++k, ++i) f(i, row + k * strides[last] + positions[i] * step);
    for (int d = last - 1; d >= 0; --d) {
      row += strides[d];
      if (++at[d] < shape[d]) break;
      row -= shape[d] * strides[d];
      at[d] = 0;
    }
  }
}

}  // namespace

Tensor transpose(const Tensor& x, Index dim0, Index dim1) {
  const int a = detail::wrap_dim("transpose", dim0, x.shape()), b = detail::wrap_dim("transpose", dim1, x.shape());
  if (a == b) return x.clone();
  const int first = std::min(a, b), second = std::max(a, b);
  const Index rows = x.shape()[first], columns = x.shape()[second];
  const Index outer = Around(x.shape(), first).outer, run = Around(x.shape(), second).inner;
  Index between = 1;
  for (int d = first + 1; d < second; ++d) between *= x.shape()[d];

  Shape shape = x.shape();
  std::swap(shape[first], shape[second]);
  Tensor out(shape, x.dtype());
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (Index o = 0; o < outer; ++o) {
      for (Index i = 0; i < between; ++i) {
        const T* from = x.raw<T>() + (o * rows * between + i) * columns * run;
        T* to = out.raw<T>() + (o * columns * between + i) * rows * run;
        if (run == 1)
          transpose_plane(to, between * rows, from, between * columns, rows, columns);
        else
          transpose_runs(to, between * rows * run, from, between * columns * run, rows, columns, run);
      }
    }
  });
  return out;
}

Tensor reshape(const Tensor& x, const Shape& shape) { return x.reshape(shape); }
Tensor slice(const Tensor& x, Index dim, Index begin, Index end) { return x.slice(dim, begin, end); }

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  const int added = shape.rank() - x.rank();
  bool fits = added >= 0;
  for (int d = 0; fits && d < x.rank(); ++d) fits = x.shape()[d] == 1 || x.shape()[d] == shape[added + d];
  if (!fits) throw ShapeError(text("broadcast_to: ", x.shape(), " does not broadcast to ", shape));

  Tensor out(shape, x.dtype());
  if (out.numel() == 0) return out;
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    Spread(x.shape(), shape)(out.raw<T>(), x.raw<T>(), 0);
  });
  return out;
}

Tensor concat(const std::vector<Tensor>& parts, Index dim) {
  if (parts.empty()) throw std::invalid_argument("concat: needs at least one tensor");
  const Tensor& first = parts.front();
  const int d = detail::wrap_dim("concat", dim, first.shape());
  Index size = 0;
  for (const Tensor& part : parts) {
    if (part.dtype() != first.dtype()) throw DTypeError(text("concat: mixes ", first.dtype(), " and ", part.dtype()));
    if (part.rank() != first.rank() || with_size(part.shape(), d, first.shape()[d]) != first.shape())
      throw ShapeError(text("concat: ", first.shape(), " and ", part.shape(), " do not join along dimension ", dim));
    size += part.shape()[d];
  }

  Tensor out(with_size(first.shape(), d, size), first.dtype());
  const Around joined(out.shape(), d);
  detail::visit(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* start = out.raw<T>();
    for (const Tensor& part : parts) {
      const Index run = part.shape()[d] * joined.inner;
      for (Index o = 0; o < joined.outer; ++o)
        std::copy_n(part.raw<T>() + o * run, run, start + o * joined.size * joined.inner);
      start += run;
    }
  });
  return out;
}

Tensor stack(const std::vector<Tensor>& parts, Index dim) {
  if (parts.empty()) throw std::invalid_argument("stack: needs at least one tensor");
  Shape shape = parts.front().shape();
  shape.push_back(1);
  const int d = detail::wrap_dim("stack", dim, shape);
  for (int k = shape.rank() - 1; k > d; --k) std::swap(shape[k], shape[k - 1]);

  std::vector<Tensor> rows;
  rows.reserve(parts.size());
  for (const Tensor& part : parts) {
    if (part.shape() != parts.front().shape())
      throw ShapeError(text("stack: ", parts.front().shape(), " and ", part.shape(), " are not of one shape"));
    rows.push_back(part.reshape(shape));
  }
  return concat(rows, d);
}

Tensor concat(std::initializer_list<Tensor> parts, Index dim) { return concat(std::vector(parts), dim); }
Tensor stack(std::initializer_list<Tensor> parts, Index dim) { return stack(std::vector(parts), dim); }

Tensor index_select(const Tensor& x, Index dim, const Tensor& index) {
  const int d = detail::wrap_dim("index_select", dim, x.shape());
  const Index* positions = checked_select("index_select", index, x.shape(), d);
  const Index count = index.numel();
  Tensor out(with_size(x.shape(), d, count), x.dtype());
  const Around a(x.shape(), d);
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* y = out.raw<T>();
    for (Index o = 0; o < a.outer; ++o)
      for (Index i = 0; i < count; ++i) y = std::copy_n(x.raw<T>() + (o * a.size + positions[i]) * a.inner, a.inner, y);
  });
  return out;
}

Tensor gather(const Tensor& x, Index dim, const Tensor& index) {
  const int d = detail::wrap_dim("gather", dim, x.shape());
  Tensor out(index.shape(), x.dtype());
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.raw<T>();
    T* to = out.raw<T>();
    each_gathered("gather", index, x.shape(), d, [&](Index i, Index j) { to[i] = from[j]; });
  });
  return out;
}

Tensor slice_pullback(const Tensor& dy, const Shape& shape, Index dim, Index begin) {
  const int d = detail::wrap_dim("slice_pullback", dim, shape);
  const Around a(shape, d);
  const bool fits = dy.rank() == shape.rank() && with_size(dy.shape(), d, a.size) == shape;
  const Index first = begin < 0 ? begin + a.size : begin;
  if (!fits || first < 0 || first > a.size - dy.shape()[d])
    throw ShapeError(text("slice_pullback: ", dy.shape(), " from ", begin, " on is no part of ", shape));
  Tensor out = zeros(shape, dy.dtype());
  const Index run = dy.shape()[d] * a.inner;
  detail::visit(dy.dtype(), [&](auto zero) {
    using T = decltype(zero);
    for (Index o = 0; o < a.outer; ++o)
      std::copy_n(dy.raw<T>() + o * run, run, out.raw<T>() + (o * a.size + first) * a.inner);
  });
  return out;
}

Tensor index_select_pullback(const Tensor& dy, const Shape& shape, Index dim, const Tensor& index) {
  const int d = detail::wrap_dim("index_select_pullback", dim, shape);
  const Index* positions = checked_select("index_select_pullback", index, shape, d);
  const Index count = index.numel();
  if (dy.shape() != with_size(shape, d, count))
    throw ShapeError(text("index_select_pullback: ", dy.shape(), " is not ", count, " positions of ", shape));
  Tensor out = zeros(shape, dy.dtype());
  const Around a(shape, d);
  detail::visit(dy.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = dy.raw<T>();
    for (Index o = 0; o < a.outer; ++o) {
      for (Index i = 0; i < count; ++i, from += a.inner) {
        T* to = out.raw<T>() + (o * a.size + positions[i]) * a.inner;
        for (Index k = 0; k < a.inner; ++k) to[k] = static_cast<T>(to[k] + from[k]);
      }
    }
  });
  return out;
}

Tensor gather_pullback(const Tensor& dy, const Shape& shape, Index dim, const Tensor& index) {
  const int d = detail::wrap_dim("gather_pullback", dim, shape);
  if (dy.shape() != index.shape())
    throw ShapeError(text("gather_pullback: ", dy.shape(), " for an index ", index.shape()));
  Tensor out = zeros(shape, dy.dtype());
  detail::visit(dy.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = dy.raw<T>();
    T* to = out.raw<T>();
    each_gathered("gather_pullback", index, shape, d,
                  [&](Index i, Index j) { to[j] = static_cast<T>(to[j] + from[i]); });
  });
  return out;
}

}  // namespace ravine
