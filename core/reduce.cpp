#include <ravine/core/reduce.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <optional>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/normalize.hpp>
#include <ravine/core/runs.hpp>
#include <ravine/core/sum_pieces.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

using detail::by_lines;
using detail::check_floating;
using detail::Run;

/// The last run of neighbouring dimensions named in `mask`, which loses it.
Run take_run(const Shape& shape, unsigned& mask) {
  Run run;
  int d = shape.rank() - 1;
  for (; !(mask >> d & 1U); --d) run.inner *= shape[d];
  for (; d >= 0 && (mask >> d & 1U); --d) {
    run.count *= shape[d];
    mask &= ~(1U << d);
  }
  for (; d >= 0; --d) run.outer *= shape[d];
  return run;
}

Index reduced_count(const Tensor& x, unsigned mask) {
  Index count = 1;
  for (int d = 0; d < x.rank(); ++d)
    if (mask >> d & 1U) count *= x.shape()[d];
  return count;
}

/// Reduces run after run; reduce(x, y, run) fills y (outer, inner) from x (outer, count, inner). What is reduced of a
/// single element is that element.
template <class F>
Tensor by_runs(const Tensor& x, unsigned mask, bool keepdim, DType dtype, F reduce) {
  if (reduced_count(x, mask) == 1)
    return (x.dtype() == dtype ? x.clone() : x.to(dtype)).reshape(detail::reduced_shape(x.shape(), mask, keepdim));
  unsigned later = mask;
  const Run run = take_run(x.shape(), later);
  Tensor y(detail::reduced_shape(x.shape(), mask & ~later, keepdim || later != 0), dtype);
  reduce(x, y, run);
  if (later == 0) return y;
  return by_runs(y, later, true, dtype, reduce).reshape(detail::reduced_shape(x.shape(), mask, keepdim));
}

template <class T>
void sum_run(const T* x, T* y, const Run& run) {
  const auto& kernel = kernels::active<kernels::Reduce<T>>();
  const auto rows = [&](const T* row, Index n, Index columns, T* total) {
    for (Index i = 0; i < n; ++i, row += columns)
      total[i] = static_cast<T>(
          detail::sum_pieces(columns, [&](Index begin, Index count) { return kernel.sum(row + begin, count); }));
  };
  by_lines<T>(rows, kernel.sum_columns, run, 1, y, x);
}

/// The root of squares(1.0), squares(s) being the sum of (s x)^2 in double. Where the squares of doubles leave their
/// range, they are taken again of numbers scaled into it.
template <class T, class F>
double root_of(F squares) {
  const double plain = squares(1.0);
  if (std::is_same_v<T, double> && plain < 0x1p-900) return std::sqrt(squares(0x1p600)) * 0x1p-600;
  if (std::is_same_v<T, double> && plain > 0x1p1000) return std::sqrt(squares(0x1p-600)) * 0x1p600;
  return std::sqrt(plain);
}

template <class T>
double sum_squares(const T* x, double scale, Index n) {
  const auto kernel = kernels::active<kernels::Reduce<T>>().squares;
  return detail::sum_pieces(n, [&](Index begin, Index count) { return kernel(x + begin, scale, count); });
}

template <class T>
void norm_run(const T* x, T* y, const Run& run) {
  const auto rows = [&](const T* row, Index n, Index columns, T* length) {
    for (Index i = 0; i < n; ++i, row += columns)
      length[i] = static_cast<T>(root_of<T>([&](double scale) { return sum_squares(row, scale, columns); }));
  };
  const auto columns = [&](const T* from, Index n, Index count, Index stride, T* to) {
    constexpr Index width = 64;
    const auto kernel = kernels::active<kernels::Reduce<T>>().square_columns;
    double squares[width];
    for (Index begin = 0; begin < count; begin += width) {
      const Index end = std::min(begin + width, count);
      kernel(from + begin, 1.0, n, end - begin, stride, squares);
      for (Index j = begin; j < end; ++j)
        to[j] = static_cast<T>(root_of<T>([&](double scale) {
          double& sum = squares[j - begin];
          if (scale != 1.0) kernel(from + j, scale, n, 1, stride, &sum);
          return sum;
        }));
    }
  };
  by_lines<T>(rows, columns, run, 1, y, x);
}

template <class T>
bool finite(const T* x, Index n) {
  const auto kernel = kernels::active<kernels::Reduce<T>>().finite;
  if (n <= detail::parallel_grain) return kernel(x, n);
  std::atomic<bool> all{true};
  detail::parallel_for(n, detail::parallel_grain, [&](Index begin, Index end) {
    if (!kernel(x + begin, end - begin)) all.store(false, std::memory_order_relaxed);
  });
  return all.load(std::memory_order_relaxed);
}

[[noreturn]] void refuse_empty(const char* op, const Shape& shape, unsigned mask) {
  int d = 0;
  while (!(mask >> d & 1U) || shape[d] > 0) ++d;
  throw ShapeError(detail::text(op, ": dimension ", d, " of ", shape, " is empty; needs at least one element"));
}

constexpr Index piece = detail::parallel_grain;  // of a long row

/// The kernel's results for the pieces of long rows, (outer, pieces).
template <class T, class Out>
Tensor by_pieces(const kernels::Reduction<T, Out>& kernel, const T* x, const Run& run) {
  const Index pieces = (run.count + piece - 1) / piece;
  Tensor result({run.outer, pieces}, dtype_of<Out>());
  Out* y = result.raw<Out>();
  detail::for_rows(run.outer * pieces, piece, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const Index at = i % pieces * piece;
      kernel.rows(x + i / pieces * run.count + at, 1, std::min(piece, run.count - at), y + i);
    }
  });
  return result;
}

// Members of a table of kernels for elements of t's type.
constexpr auto max_of = [](auto t) { return &kernels::Order<decltype(t)>::max; };
constexpr auto min_of = [](auto t) { return &kernels::Order<decltype(t)>::min; };
constexpr auto argmax_of = [](auto t) { return &kernels::Order<decltype(t)>::argmax; };
constexpr auto argmin_of = [](auto t) { return &kernels::Order<decltype(t)>::argmin; };
constexpr auto sum_of = [](auto t) { return &kernels::Order<decltype(t)>::sum; };
constexpr auto product_of = [](auto t) { return &kernels::Order<decltype(t)>::product; };

template <class Member, class T, class Out>
void reduce_run(Member member, const T* x, Out* y, const Run& run) {
  const auto& kernel = kernels::active<kernels::Order<T>>().*(member(T{}));
  if (run.inner != 1 || run.count <= piece) return by_lines<T>(kernel.rows, kernel.columns, run, 1, y, x);
  const Tensor parts = by_pieces(kernel, x, run);
  (kernels::active<kernels::Order<Out>>().*(member(Out{}))).rows(parts.raw<Out>(), run.outer, parts.size(1), y);
}

/// The same of where extremes stand.
template <class Value, class Place, class T>
void place_run(Value value, Place place, const T* x, Index* y, const Run& run) {
  const auto& order = kernels::active<kernels::Order<T>>();
  const auto& kernel = order.*(place(T{}));
  if (run.inner != 1 || run.count <= piece) return by_lines<T>(kernel.rows, kernel.columns, run, 1, y, x);
  const Tensor parts = by_pieces(order.*(value(T{})), x, run);
  kernel.rows(parts.raw<T>(), run.outer, parts.size(1), y);
  for (Index i = 0; i < run.outer; ++i) {
    const Index at = y[i] * piece;
    kernel.rows(x + i * run.count + at, 1, std::min(piece, run.count - at), y + i);
    y[i] += at;
  }
}

template <class Member>
Tensor extreme(const char* op, const Tensor& x, const Dims& dims, bool keepdim, Member member,
               std::optional<Scalar> of_nothing = {}) {
  const unsigned mask = dims.mask(op, x.shape());
  return by_runs(x, mask, keepdim, x.dtype(), [&](const Tensor& from, Tensor& to, const Run& run) {
    if (run.count == 0 && to.numel() > 0 && !of_nothing) refuse_empty(op, x.shape(), mask);
    if (run.count == 0) return to.fill(of_nothing.value_or(0));
    detail::visit(x.dtype(), [&](auto type) {
      using T = decltype(type);
      reduce_run(member, from.raw<T>(), to.raw<T>(), run);
    });
  });
}

/// In f64 or i64.
template <class Member>
Tensor total(const Tensor& x, unsigned mask, bool keepdim, Member member) {
  return by_runs(x, mask, keepdim, is_floating(x.dtype()) ? f64 : i64,
                 [&](const Tensor& from, Tensor& to, const Run& run) {
                   detail::visit(from.dtype(), [&](auto type) {
                     using T = decltype(type);
                     reduce_run(member, from.raw<T>(), to.raw<kernels::Wide<T>>(), run);
                   });
                 });
}

/// by_runs for the commonest sum, which takes its time from small steps.
Tensor sum_rows(const Tensor& x) {
  Tensor y({x.shape()[1]}, x.dtype());
  detail::visit_floating("sum", x.dtype(), [&](auto type) {
    using T = decltype(type);
    sum_run(x.raw<T>(), y.raw<T>(), {.outer = 1, .count = x.shape()[0], .inner = x.shape()[1]});
  });
  return y;
}

Tensor sum_masked(const Tensor& x, unsigned mask, bool keepdim) {
  if (x.rank() == 2 && mask == 1 && !keepdim && is_floating(x.dtype())) return sum_rows(x);
  if (is_floating(x.dtype()))
    return by_runs(x, mask, keepdim, x.dtype(), [&](const Tensor& from, Tensor& to, const Run& run) {
      detail::visit_floating("sum", x.dtype(), [&](auto type) {
        using T = decltype(type);
        sum_run(from.raw<T>(), to.raw<T>(), run);
      });
    });
  return total(x, mask, keepdim, sum_of);
}

}  // namespace

Tensor sum(const Tensor& x, const Dims& dims, bool keepdim) {
  return sum_masked(x, dims.mask("sum", x.shape()), keepdim);
}

double dot(const Tensor& x, const Tensor& y) {
  if (x.shape() != y.shape()) throw ShapeError(detail::text("dot: shapes differ: ", x.shape(), " and ", y.shape()));
  detail::check_dtypes("dot", x, y);
  return detail::visit_floating("dot", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto kernel = kernels::active<kernels::Reduce<T>>().dot;
    const T *a = x.raw<T>(), *b = y.raw<T>();
    return detail::sum_pieces(x.numel(), [&](Index begin, Index count) { return kernel(a + begin, b + begin, count); });
  });
}

Tensor mean(const Tensor& x, const Dims& dims, bool keepdim) {
  const Index count = reduced_count(x, dims.mask("mean", x.shape()));
  if (!is_floating(x.dtype())) {
    if (x.dtype() == u8) return mean(x.to(f32), dims, keepdim);
    detail::refuse_dtype("mean", x.dtype());
  }
  return sum(x, dims, keepdim) / static_cast<double>(count);
}

/// The mean squared deviations of rows, the last dimensions; not defined of others, and of what needs more than the
/// range of x's type.
static Tensor variances(const Tensor& x, unsigned mask, bool keepdim) {
  unsigned later = mask;
  const Run run = mask == 0 ? Run{} : take_run(x.shape(), later);
  if (later != 0 || run.inner > 1 || run.count < 2 || x.numel() == 0) return {};
  Tensor moments({4, run.outer}, x.dtype());
  if (!detail::find_moments(x, run.count, detail::Lines::rows, 0.0, moments)) return {};
  return moments[2].reshape(detail::reduced_shape(x.shape(), mask, keepdim));
}

Tensor var(const Tensor& x, const Dims& dims, bool keepdim, double correction) {
  check_floating("var", x);
  const unsigned mask = dims.mask("var", x.shape());
  const double count = static_cast<double>(reduced_count(x, mask)), left = std::max(0.0, count - correction);
  if (Tensor mean_square = variances(x, mask, keepdim); mean_square.defined())
    return std::move(mean_square) * (count / left);
  return sum(square(detail::centered(x, dims)), dims, keepdim) / left;
}

Tensor std(const Tensor& x, const Dims& dims, bool keepdim, double correction) {
  const Tensor seen = x - detail::first_of("std", x, dims);
  const double count = static_cast<double>(reduced_count(x, dims.mask("std", x.shape())));
  return norm(seen - mean(seen, dims, true), dims, keepdim) / std::sqrt(std::max(0.0, count - correction));
}

Tensor detail::first_of(const char* op, const Tensor& x, const Dims& dims) {
  check_floating(op, x);
  const unsigned mask = dims.mask(op, x.shape());
  Tensor first = x;
  for (int d = 0; d < x.rank(); ++d)
    if (mask >> d & 1U) first = first.slice(d, 0, std::min<Index>(1, x.shape()[d]));
  return first;
}

Tensor prod(const Tensor& x, const Dims& dims, bool keepdim) {
  const Tensor y = total(x, dims.mask("prod", x.shape()), keepdim, product_of);
  return is_floating(x.dtype()) ? y.to(x.dtype()) : y;
}

static Tensor accumulate(const char* op, const Tensor& x, Index dim, bool from_end) {
  const int d = detail::wrap_dim(op, dim, x.shape());
  if (!is_floating(x.dtype()) && x.dtype() != i64) return accumulate(op, x.to(i64), dim, from_end);
  Tensor y(x.shape(), x.dtype());
  const detail::DimLayout a(x.shape(), d);
  detail::visit(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto& order = kernels::active<kernels::Order<T>>();
    const auto& kernel = from_end ? order.running_from_end : order.running;
    const T* in = x.raw<T>();
    T* out = y.raw<T>();
    if (a.inner == 1)
      return detail::for_rows(a.outer, a.size, [&](Index i, Index end) {
        kernel.rows(in + i * a.size, end - i, a.size, out + i * a.size);
      });
    detail::for_columns(a.outer, a.size, a.inner, [&](Index o, Index j, Index end) {
      const Index at = o * a.size * a.inner + j;
      kernel.columns(in + at, a.size, end - j, a.inner, out + at);
    });
  });
  return y;
}

Tensor cumsum(const Tensor& x, Index dim) { return accumulate("cumsum", x, dim, false); }
Tensor cumsum_pullback(const Tensor& dy, Index dim) { return accumulate("cumsum_pullback", dy, dim, true); }

/// Bytes whose extremes are 0 where x's truths are.
static Tensor truths(const Tensor& x) { return x.dtype() == u8 ? x : ne(x, 0); }
Tensor any(const Tensor& x, const Dims& dims, bool keepdim) {
  return ne(extreme("any", truths(x), dims, keepdim, max_of, 0), 0);
}
Tensor all(const Tensor& x, const Dims& dims, bool keepdim) {
  return ne(extreme("all", truths(x), dims, keepdim, min_of, 1), 0);
}

bool all_finite(const Tensor& x) {
  if (x.dtype() == f32) return finite(x.raw<float>(), x.numel());
  return x.dtype() != f64 || finite(x.raw<double>(), x.numel());
}

Tensor max(const Tensor& x, const Dims& dims, bool keepdim) { return extreme("max", x, dims, keepdim, max_of); }
Tensor min(const Tensor& x, const Dims& dims, bool keepdim) { return extreme("min", x, dims, keepdim, min_of); }

template <class Value, class Place>
static Tensor place(const char* op, const Tensor& x, Index dim, bool keepdim, Value value, Place place) {
  const int d = detail::wrap_dim(op, dim, x.shape());
  unsigned mask = 1U << d;
  const Shape shape = detail::reduced_shape(x.shape(), mask, keepdim);
  const Run run = take_run(x.shape(), mask);
  if (shape.numel() == 0 || run.count == 1) return zeros(shape, i64);
  if (run.count == 0) refuse_empty(op, x.shape(), 1U << d);
  Tensor y(shape, i64);
  detail::visit(x.dtype(), [&](auto type) {
    using T = decltype(type);
    place_run(value, place, x.raw<T>(), y.raw<Index>(), run);
  });
  return y;
}

Tensor argmax(const Tensor& x, Index dim, bool keepdim) { return place("argmax", x, dim, keepdim, max_of, argmax_of); }
Tensor argmin(const Tensor& x, Index dim, bool keepdim) { return place("argmin", x, dim, keepdim, min_of, argmin_of); }

Tensor norm(const Tensor& x, const Dims& dims, bool keepdim) {
  check_floating("norm", x);
  const unsigned mask = dims.mask("norm", x.shape());
  if (reduced_count(x, mask) == 1) return abs(x).reshape(detail::reduced_shape(x.shape(), mask, keepdim));
  return by_runs(x, mask, keepdim, x.dtype(), [&](const Tensor& from, Tensor& to, const Run& run) {
    detail::visit_floating("norm", x.dtype(), [&](auto type) {
      using T = decltype(type);
      norm_run(from.raw<T>(), to.raw<T>(), run);
    });
  });
}

double total_norm(const std::vector<Tensor>& tensors) {
  return root_of<double>([&](double scale) {
    double squares = 0.0;
    for (const Tensor& x : tensors)
      squares += detail::visit_floating(
          "total_norm", x.dtype(), [&](auto type) { return sum_squares(x.raw<decltype(type)>(), scale, x.numel()); });
    return squares;
  });
}

Tensor sum_to(Tensor x, const Shape& shape) {
  if (x.shape() == shape) return x;
  unsigned mask = 0;
  const int extra = x.rank() - shape.rank();
  bool fits = extra >= 0;
  for (int d = 0; fits && d < x.rank(); ++d) {
    const Index size = d < extra ? 1 : shape[d - extra];
    if (d < extra || size != x.shape()[d]) mask |= 1U << d;
    fits = size == 1 || size == x.shape()[d];
  }
  if (!fits) throw ShapeError(detail::text("sum_to: ", shape, " does not broadcast to ", x.shape()));
  if (mask == 0) return x.reshape(shape);
  return sum_masked(x, mask, true).reshape(shape);
}

}  // namespace ravine
