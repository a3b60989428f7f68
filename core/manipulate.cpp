#include <ravine/core/manipulate.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include <ravine/core/copy_rows.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/sum_pieces.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

using detail::DimLayout;
using detail::text;

/// `shape` with another size in one dimension.
Shape with_size(Shape shape, int dim, Index size) {
  shape[dim] = size;
  return shape;
}

using Strides = Shape;  // a number for each dimension

/// How far apart in a row-major tensor the elements are that follow each other along each dimension.
Strides strides_of(const Shape& shape) {
  Strides strides = shape;
  Index stride = 1;
  for (int d = shape.rank() - 1; d >= 0; stride *= shape[d--]) strides[d] = stride;
  return strides;
}

/// Elements in another order: along each dimension of the result, the source is read by a step of its own.
class Rearrangement {
 public:
  /// Dimensions are added outermost first. One that goes on in step with the one before it becomes part of it.
  void add(Index size, Index step) {
    Dim& before = dims_[count_ - 1];
    if (count_ > first && before.from == size * step)
      before = {before.size * size, step, 0};
    else if (size != 1)
      dims_[count_++] = {size, step, 0};
  }

  template <class T>
  void run(T* y, const T* x) {
    Index stride = 1, planes = 1;
    for (int d = count_ - 1; d >= 0; stride *= dims_[d--].size) dims_[d].to = stride;
    choose_rows();
    const Dim &row = dims_[count_ - 2], &column = dims_[count_ - 1];
    for (int d = first; d < count_ - 2; ++d) planes *= dims_[d].size;
    const auto kernel = kernels::active<kernels::Copy<T>>().plane;
    detail::for_tiles(planes, row.size, column.size, [&](Index plane, Index i, Index i_end, Index j, Index j_end) {
      Index from = i * row.from + j * column.from, to = i * row.to + j;
      for (int d = count_ - 3; plane > 0; plane /= dims_[d--].size) {
        const Index at = plane % dims_[d].size;
        from += at * dims_[d].from;
        to += at * dims_[d].to;
      }
      kernel(x + from, row.from, column.from, i_end - i, j_end - j, y + to, row.to);
    });
  }

 private:
  struct Dim {
    Index size = 1, from = 0, to = 0;  // steps in the source and in the result
  };
  static constexpr int first = 2;  // there are always two, for the rows and columns of a plane

  /// Unless the source is read along columns, rows are the dimension that it is read along.
  void choose_rows() {
    const auto step = [&](int d) { return std::abs(dims_[d].from); };
    int rows = count_ - 2;
    for (int d = first; step(count_ - 1) > 1 && d < count_ - 2; ++d)
      if (step(d) != 0 && (step(rows) == 0 || step(d) < step(rows))) rows = d;
    std::swap(dims_[rows], dims_[count_ - 2]);
  }

  Dim dims_[first + max_rank];
  int count_ = first;
};

/// The tensor of this shape whose element (i, j, …) is x's at start + i steps[0] + j steps[1] + ….
Tensor rearranged(const Tensor& x, const Shape& shape, const Strides& steps, Index start = 0) {
  Tensor y(shape, x.dtype());
  if (y.numel() == 0) return y;
  Rearrangement order;
  for (int d = 0; d < shape.rank(); ++d) order.add(shape[d], steps[d]);
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    order.run(y.raw<T>(), x.raw<T>() + start);
  });
  return y;
}

/// `dim` as the place of a new dimension, counted from the result's end if negative.
int wrap_new_dim(const char* op, Index dim, const Shape& shape) {
  const int rank = shape.rank();
  if (rank == max_rank)
    throw ShapeError(text(op, ": ", shape, " has ", max_rank, " dimensions, the most there may be"));
  if (dim < -rank - 1 || dim > rank)
    throw ShapeError(text(op, ": a new dimension of ", shape, " can be ", -rank - 1, " to ", rank, ", got ", dim));
  return static_cast<int>(dim < 0 ? dim + rank + 1 : dim);
}

/// `shape` with a new dimension of size 1.
Shape with_new(Shape shape, int dim) {
  shape.push_back(1);
  for (int d = shape.rank() - 1; d > dim; --d) std::swap(shape[d], shape[d - 1]);
  return shape;
}

/// What tensors to be joined have in common, whatever their shapes.
void check_parts(const char* op, const std::vector<Tensor>& parts) {
  if (parts.empty()) throw std::invalid_argument(text(op, ": needs at least one tensor"));
  for (const Tensor& part : parts)
    if (part.dtype() != parts.front().dtype())
      throw DTypeError(text(op, ": mixes ", parts.front().dtype(), " and ", part.dtype()));
}

/// Tensors one after the other along a dimension in which alone they may differ.
Tensor join(const std::vector<Tensor>& parts, int dim) {
  Index size = 0;
  for (const Tensor& part : parts) size += part.shape()[dim];
  Tensor out(with_size(parts.front().shape(), dim, size), parts.front().dtype());
  const DimLayout joined(out.shape(), dim);
  const Index width = joined.size * joined.inner;
  const Index high = std::max<Index>(1, 1024 / std::max<Index>(1, width));  // few rows: what is written is in order
  std::vector<Index> starts = {0};                                          // of the parts in a row
  for (const Tensor& part : parts) starts.push_back(starts.back() + part.shape()[dim] * joined.inner);
  detail::visit(out.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto kernel = kernels::active<kernels::Copy<T>>().plane;
    T* y = out.raw<T>();
    detail::for_tiles(1, joined.outer, width, [&](Index, Index i, Index i_end, Index j, Index j_end) {
      const auto first = std::upper_bound(starts.begin(), starts.end(), j) - starts.begin() - 1;
      for (; i < i_end; i += high)
        for (auto k = static_cast<std::size_t>(first); k < parts.size() && starts[k] < j_end; ++k) {
          const Index run = starts[k + 1] - starts[k], from = std::max(j, starts[k]),
                      to = std::min(j_end, starts[k + 1]);
          kernel(parts[k].raw<T>() + i * run + from - starts[k], run, 1, std::min(high, i_end - i), to - from,
                 y + i * width + from, width);
        }
    });
  });
  return out;
}

/// The elements of `index`, checked to be positions of x's dimension `dim`.
const Index* checked_positions(const char* op, const Tensor& index, const Shape& x, int dim) {
  if (index.dtype() != i64) throw DTypeError(text(op, ": index must be i64, got ", index.dtype()));
  const Index* positions = index.raw<Index>();
  const auto& order = kernels::active<kernels::Order<Index>>();
  const auto outside = [size = x[dim]](Index i) { return i < 0 || i >= size; };
  const Index pieces_outside = detail::sum_pieces(index.numel(), [&](Index begin, Index count) -> Index {
    if (count == 0) return 0;
    Index least, most;
    order.min.rows(positions + begin, 1, count, &least);
    order.max.rows(positions + begin, 1, count, &most);
    return outside(least) || outside(most);
  });
  if (pieces_outside > 0)
    throw std::out_of_range(text(op, ": position ", *std::find_if(positions, positions + index.numel(), outside),
                                 " is outside dimension ", dim, " of ", x));
  return positions;
}

/// Checks what index_select needs and gives the positions.
const Index* checked_select(const char* op, const Tensor& index, const Shape& x, int dim) {
  if (index.rank() != 1) throw ShapeError(text(op, ": index must have one dimension, got ", index.shape()));
  return checked_positions(op, index, x, dim);
}

/// Calls f(i, n, from, stride, step) for every row of `index`, its n elements from i on: for the k-th of them gather
/// takes the one of x at from + k stride + index step. over(rows, columns, f(row, row_end, column, column_end)) goes
/// through the rows, whole or in parts.
template <class Over, class F>
void each_gathered(const char* op, const Tensor& index, const Shape& x, int dim, Over over, F f) {
  const Shape& shape = index.shape();
  bool fits = shape.rank() == x.rank();
  for (int d = 0; fits && d < x.rank(); ++d) fits = d == dim || shape[d] <= x[d];
  if (!fits)
    throw ShapeError(text(op, ": index ", shape, " does not fit ", x, " along dimension ", dim,
                          "; it needs as many dimensions and, but for that one, no larger sizes"));
  if (index.numel() == 0) return;

  int last = x.rank() - 1;
  while (last > 0 && shape[last] == 1) --last;  // rows are along the last dimension that is more than one element
  Strides strides = strides_of(x);
  const Index step = std::exchange(strides[dim], 0);  // the index says where along this one
  over(index.numel() / shape[last], shape[last], [&](Index begin, Index end, Index column, Index column_end) {
    for (Index row = begin; row < end; ++row) {
      Index from = 0;  // where x's row begins that the row of the index looks at
      Index rest = row;
      for (int d = last - 1; d > 0; rest /= shape[d--]) from += rest % shape[d] * strides[d];
      if (last > 0) from += rest * strides[0];
      f(row * shape[last] + column, column_end - column, from + column * strides[last], strides[last], step);
    }
  });
}

}  // namespace

namespace detail {

std::vector<Index> split_sizes(const Shape& shape, Index size, Index dim) {
  const Index whole = shape[wrap_dim("split", dim, shape)];
  if (size < 0 || (size == 0 && whole > 0))
    throw std::invalid_argument(text("split: the size of a piece must be > 0, got ", size));
  if (whole == 0) return {0};
  std::vector<Index> sizes(static_cast<std::size_t>(whole / size), size);
  if (whole % size > 0) sizes.push_back(whole % size);
  return sizes;
}

std::vector<Index> chunk_sizes(const Shape& shape, Index n, Index dim) {
  const Index whole = shape[wrap_dim("chunk", dim, shape)];
  if (n <= 0) throw std::invalid_argument(text("chunk: needs at least one piece, got ", n));
  if (whole == 0) return std::vector<Index>(static_cast<std::size_t>(n), 0);
  return split_sizes(shape, (whole - 1) / n + 1, dim);
}

void check_sizes(const Shape& shape, const std::vector<Index>& sizes, Index dim) {
  Index left = shape[wrap_dim("split", dim, shape)];
  std::string sum;
  bool fit = true;
  for (const Index size : sizes) {
    sum += (sum.empty() ? "" : " + ") + std::to_string(size);
    fit &= size >= 0 && size <= left;
    left -= fit ? size : 0;
  }
  if (!fit || left > 0)
    throw ShapeError(text("split: pieces of ", sum, " do not make up dimension ", dim, " of ", shape));
}

}  // namespace detail

Tensor transpose(const Tensor& x, Index dim0, Index dim1) {
  const int a = detail::wrap_dim("transpose", dim0, x.shape()), b = detail::wrap_dim("transpose", dim1, x.shape());
  Shape shape = x.shape();
  Strides steps = strides_of(shape);
  std::swap(shape[a], shape[b]);
  std::swap(steps[a], steps[b]);
  return rearranged(x, shape, steps);
}

Tensor permute(const Tensor& x, const Dims& dims) {
  const auto listed = dims.listed();
  static_cast<void>(dims.mask("permute", x.shape()));  // refuses what is not there or named twice
  if (static_cast<int>(listed.size()) != x.rank())
    throw ShapeError(text("permute: needs all ", x.rank(), " dimensions of ", x.shape(), ", got ", listed.size()));
  const Strides strides = strides_of(x.shape());
  Shape shape;
  Strides steps;
  for (const Index dim : listed) {
    const int d = detail::wrap_dim("permute", dim, x.shape());
    shape.push_back(x.shape()[d]);
    steps.push_back(strides[d]);
  }
  return rearranged(x, shape, steps);
}

Tensor flip(const Tensor& x, const Dims& dims) {
  const unsigned mask = dims.mask("flip", x.shape());
  Strides steps = strides_of(x.shape());
  Index start = 0;
  for (int d = 0; d < x.rank(); ++d) {
    if (!(mask >> d & 1U)) continue;
    start += (x.shape()[d] - 1) * steps[d];
    steps[d] = -steps[d];
  }
  return rearranged(x, x.shape(), steps, start);
}

Tensor squeeze(const Tensor& x, const Dims& dims) {
  unsigned mask = dims.mask("squeeze", x.shape());
  for (int d = 0; d < x.rank(); ++d)
    if (x.shape()[d] != 1) mask &= ~(1U << d);
  return x.reshape(detail::reduced_shape(x.shape(), mask, false));
}

Tensor unsqueeze(const Tensor& x, Index dim) {
  return x.reshape(with_new(x.shape(), wrap_new_dim("unsqueeze", dim, x.shape())));
}

Tensor reshape(const Tensor& x, const Shape& shape) { return x.reshape(shape); }
Tensor slice(const Tensor& x, Index dim, Index begin, Index end) { return x.slice(dim, begin, end); }

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Shape result;
  const bool sizes = std::all_of(shape.begin(), shape.end(), [](Index size) { return size >= 0; });
  if (!sizes || !detail::broadcast(x.shape(), shape, result) || result != shape)
    throw ShapeError(text("broadcast_to: ", x.shape(), " does not broadcast to ", shape));
  if (x.numel() == 1 || x.repeated()) return Tensor::repeat(x, shape);
  const Strides strides = strides_of(x.shape());
  Strides steps = shape;
  for (int d = 0, s = x.rank() - shape.rank(); d < shape.rank(); ++d, ++s)
    steps[d] = s < 0 || x.shape()[s] == 1 ? 0 : strides[s];
  return rearranged(x, shape, steps);
}

Tensor concat(const std::vector<Tensor>& parts, Index dim) {
  check_parts("concat", parts);
  const Shape& first = parts.front().shape();
  const int d = detail::wrap_dim("concat", dim, first);
  for (const Tensor& part : parts)
    if (part.rank() != first.rank() || with_size(part.shape(), d, first[d]) != first)
      throw ShapeError(text("concat: ", first, " and ", part.shape(), " do not join along dimension ", dim,
                            "; their other sizes must agree"));
  return join(parts, d);
}

Tensor stack(const std::vector<Tensor>& parts, Index dim) {
  check_parts("stack", parts);
  const Shape& first = parts.front().shape();
  const int d = wrap_new_dim("stack", dim, first);
  std::vector<Tensor> rows;
  rows.reserve(parts.size());
  for (const Tensor& part : parts) {
    if (part.shape() != first) throw ShapeError(text("stack: ", first, " and ", part.shape(), " are not of one shape"));
    rows.push_back(part.reshape(with_new(first, d)));
  }
  return join(rows, d);
}

Tensor concat(std::initializer_list<Tensor> parts, Index dim) { return concat(std::vector(parts), dim); }
Tensor stack(std::initializer_list<Tensor> parts, Index dim) { return stack(std::vector(parts), dim); }

Tensor index_select(const Tensor& x, Index dim, const Tensor& index) {
  const int d = detail::wrap_dim("index_select", dim, x.shape());
  const Index* positions = checked_select("index_select", index, x.shape(), d);
  const Index count = index.numel();
  Tensor out(with_size(x.shape(), d, count), x.dtype());
  const DimLayout a(x.shape(), d);
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto& copy = kernels::active<kernels::Copy<T>>();
    const T* from = x.raw<T>();
    T* y = out.raw<T>();
    if (a.inner == 1 && count <= std::min<Index>(16, a.outer))  // a few columns, one after the other
      return detail::for_tiles(1, a.outer, count, [&](Index, Index i, Index i_end, Index j, Index j_end) {
        constexpr Index some = 64;  // rows, which stay in the first cache
        for (; i < i_end; i += some)
          for (Index k = j; k < j_end; ++k)
            copy.plane(from + i * a.size + positions[k], a.size, 1, std::min(some, i_end - i), 1, y + i * count + k,
                       count);
      });
    detail::for_tiles(a.outer, count, a.inner, [&](Index o, Index i, Index i_end, Index j, Index j_end) {
      copy.select(from + o * a.size * a.inner + j, a.inner, positions + i, i_end - i, j_end - j,
                  y + (o * count + i) * a.inner + j, a.inner);
    });
  });
  return out;
}

Tensor gather(const Tensor& x, Index dim, const Tensor& index) {
  const int d = detail::wrap_dim("gather", dim, x.shape());
  Tensor out(index.shape(), x.dtype());
  const Index* positions = checked_positions("gather", index, x.shape(), d);
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto kernel = kernels::active<kernels::Copy<T>>().gather;
    const T* from = x.raw<T>();
    T* to = out.raw<T>();
    const auto shared_out = [](Index rows, Index columns, auto f) {
      detail::for_tiles(1, rows, columns, [&](Index, auto... tile) { f(tile...); });
    };
    each_gathered("gather", index, x.shape(), d, shared_out, [&](Index i, Index n, Index at, Index stride, Index step) {
      kernel(from + at, stride, step, positions + i, n, to + i);
    });
  });
  return out;
}

std::vector<Tensor> split(const Tensor& x, Index size, Index dim) {
  return split(x, detail::split_sizes(x.shape(), size, dim), dim);
}
std::vector<Tensor> split(const Tensor& x, const std::vector<Index>& sizes, Index dim) {
  return detail::pieces(x, sizes, dim);
}
std::vector<Tensor> split(const Tensor& x, std::initializer_list<Index> sizes, Index dim) {
  return split(x, std::vector(sizes), dim);
}
std::vector<Tensor> chunk(const Tensor& x, Index n, Index dim) {
  return split(x, detail::chunk_sizes(x.shape(), n, dim), dim);
}

Tensor slice_pullback(const Tensor& dy, const Shape& shape, Index dim, Index begin) {
  const int d = detail::wrap_dim("slice_pullback", dim, shape);
  const DimLayout a(shape, d);
  const bool fits = dy.rank() == shape.rank() && with_size(dy.shape(), d, a.size) == shape;
  const Index first = begin < 0 ? begin + a.size : begin;
  if (!fits || first < 0 || first > a.size - dy.shape()[d])
    throw ShapeError(text("slice_pullback: ", dy.shape(), " from ", begin, " on is no part of ", shape));
  Tensor out(shape, dy.dtype());
  const Index run = dy.shape()[d] * a.inner, before = first * a.inner, after = a.size * a.inner - before - run;
  detail::visit(dy.dtype(), [&](auto zero) {
    using T = decltype(zero);
    T* y = out.raw<T>();
    const Index stride = a.size * a.inner;
    detail::copy_rows(&zero, 0, 0, a.outer, before, y, stride);
    detail::copy_rows(dy.raw<T>(), run, 1, a.outer, run, y + before, stride);
    detail::copy_rows(&zero, 0, 0, a.outer, after, y + before + run, stride);
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
  const DimLayout a(shape, d);
  detail::visit(dy.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const auto kernel = kernels::active<kernels::Copy<T>>().add;
    const T* from = dy.raw<T>();
    T* to = out.raw<T>();
    detail::for_columns(a.outer, count, a.inner, [&](Index o, Index begin, Index end) {
      kernel(from + o * count * a.inner + begin, a.inner, positions, count, end - begin,
             to + o * a.size * a.inner + begin, a.inner);
    });
  });
  return out;
}

Tensor gather_pullback(const Tensor& dy, const Shape& shape, Index dim, const Tensor& index) {
  const int d = detail::wrap_dim("gather_pullback", dim, shape);
  if (dy.shape() != index.shape())
    throw ShapeError(text("gather_pullback: ", dy.shape(), " for an index ", index.shape()));
  Tensor out = zeros(shape, dy.dtype());
  const Index* positions = checked_positions("gather_pullback", index, shape, d);
  detail::visit(dy.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = dy.raw<T>();
    T* to = out.raw<T>();
    const auto in_order = [](Index rows, Index columns, auto f) {
      f(Index{0}, rows, Index{0}, columns);
    };  // elements of x may be met twice
    each_gathered("gather_pullback", index, shape, d, in_order,
                  [&](Index i, Index n, Index at, Index stride, Index step) {
                    for (const Index end = i + n; i < end; ++i, at += stride)
                      to[at + positions[i] * step] = static_cast<T>(to[at + positions[i] * step] + from[i]);
                  });
  });
  return out;
}

}  // namespace ravine
