#include <ravine/core/reduce.hpp>

#include <algorithm>
#include <limits>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/sum_pieces.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

using detail::check_floating;

/// A run of neighbouring dimensions to reduce: x is (outer, count, inner).
struct Run {
  Index outer = 1, count = 1, inner = 1;
};

/// The first run named in `mask`, which loses it.
Run take_run(const Shape& shape, unsigned& mask) {
  Run run;
  int d = 0;
  for (; !(mask >> d & 1U); ++d) run.outer *= shape[d];
  for (; d < shape.rank() && (mask >> d & 1U); ++d) {
    run.count *= shape[d];
    mask &= ~(1U << d);
  }
  for (; d < shape.rank(); ++d) run.inner *= shape[d];
  return run;
}

/// Reduces run after run; reduce(x, y, run) fills y (outer, inner) from x (outer, count, inner).
template <class F>
Tensor by_runs(const Tensor& x, unsigned mask, bool keepdim, DType dtype, F reduce) {
  if (mask == 0) return x.dtype() == dtype ? x.clone() : x.to(dtype);
  unsigned later = mask;
  const Run run = take_run(x.shape(), later);
  Tensor y(detail::reduced_shape(x.shape(), mask & ~later, keepdim || later != 0), dtype);
  reduce(x, y, run);
  if (later == 0) return y;
  return by_runs(y, later, true, dtype, reduce).reshape(detail::reduced_shape(x.shape(), mask, keepdim));
}

template <class T>
void sum_run(const T* x, T* y, const Run& run) {
  const auto& kernel = kernels::kernels<T>().reduce;
  if (run.inner == 1) {
    if (run.outer == 1) {
      *y = static_cast<T>(
          detail::sum_pieces(run.count, [&](Index begin, Index count) { return kernel.sum(x + begin, count); }));
      return;
    }
    detail::for_rows(run.outer, run.count, [&](Index begin, Index end) {
      for (Index o = begin; o < end; ++o) y[o] = static_cast<T>(kernel.sum(x + o * run.count, run.count));
    });
    return;
  }
  for (Index o = 0; o < run.outer; ++o)
    detail::for_columns(run.count, run.inner, [&](Index begin, Index end) {
      kernel.sum_columns(x + o * run.count * run.inner + begin, run.count, end - begin, run.inner,
                         y + o * run.inner + begin);
    });
}

Tensor sum_masked(const Tensor& x, unsigned mask, bool keepdim) {
  if (is_floating(x.dtype()))
    return by_runs(x, mask, keepdim, x.dtype(), [&](const Tensor& from, Tensor& to, const Run& run) {
      detail::visit_floating("sum", x.dtype(), [&](auto type) {
        using T = decltype(type);
        sum_run(from.raw<T>(), to.raw<T>(), run);
      });
    });
  return by_runs(x.to(i64), mask, keepdim, i64, [](const Tensor& from, Tensor& to, const Run& run) {
    const Index* in = from.raw<Index>();
    Index* out = to.raw<Index>();
    for (Index o = 0; o < run.outer; ++o)
      for (Index j = 0; j < run.inner; ++j) {
        Index total = 0;
        for (Index i = 0; i < run.count; ++i) total += in[(o * run.count + i) * run.inner + j];
        out[o * run.inner + j] = total;
      }
  });
}

[[noreturn]] void refuse_empty(const char* op, const Shape& shape, unsigned mask) {
  int d = 0;
  while (!(mask >> d & 1U) || shape[d] > 0) ++d;
  throw ShapeError(detail::text(op, ": dimension ", d, " of ", shape, " is empty; needs at least one element"));
}

/// better(a, b): a takes b's place. NaN takes every place and keeps it.
template <class F>
Tensor extreme(const char* op, const Tensor& x, const Dims& dims, bool keepdim, F better) {
  return by_runs(x, dims.mask(op, x.shape()), keepdim, x.dtype(), [&](const Tensor& from, Tensor& to, const Run& run) {
    if (run.count == 0 && to.numel() > 0) refuse_empty(op, x.shape(), dims.mask(op, x.shape()));
    detail::visit(x.dtype(), [&](auto type) {
      using T = decltype(type);
      const T* in = from.raw<T>();
      T* out = to.raw<T>();
      for (Index o = 0; o < run.outer; ++o)
        for (Index j = 0; j < run.inner; ++j) {
          const T* p = in + o * run.count * run.inner + j;
          T best = *p;
          for (Index i = 1; i < run.count; ++i) {
            const T v = p[i * run.inner];
            if (better(v, best) || v != v) best = v;
          }
          out[o * run.inner + j] = best;
        }
    });
  });
}

Index reduced_count(const Tensor& x, unsigned mask) {
  Index count = 1;
  for (int d = 0; d < x.rank(); ++d)
    if (mask >> d & 1U) count *= x.shape()[d];
  return count;
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
    const auto kernel = kernels::kernels<T>().reduce.dot;
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

Tensor var(const Tensor& x, const Dims& dims, bool keepdim, double correction) {
  check_floating("var", x);
  const Index count = reduced_count(x, dims.mask("var", x.shape()));
  return sum(square(detail::centered(x, dims)), dims, keepdim) / std::max(0.0, static_cast<double>(count) - correction);
}

Tensor max(const Tensor& x, const Dims& dims, bool keepdim) {
  return extreme("max", x, dims, keepdim, [](auto a, auto b) { return a > b; });
}
Tensor min(const Tensor& x, const Dims& dims, bool keepdim) {
  return extreme("min", x, dims, keepdim, [](auto a, auto b) { return a < b; });
}

Tensor argmax(const Tensor& x, Index dim, bool keepdim) {
  const int d = detail::wrap_dim("argmax", dim, x.shape());
  unsigned mask = 1U << d;
  Tensor y(detail::reduced_shape(x.shape(), mask, keepdim), i64);
  const Run run = take_run(x.shape(), mask);
  if (run.count == 0 && y.numel() > 0) refuse_empty("argmax", x.shape(), 1U << d);
  detail::visit(x.dtype(), [&](auto type) {
    using T = decltype(type);
    const T* in = x.raw<T>();
    Index* out = y.raw<Index>();
    for (Index o = 0; o < run.outer; ++o)
      for (Index j = 0; j < run.inner; ++j) {
        const T* p = in + o * run.count * run.inner + j;
        Index best = 0;
        for (Index i = 1; i < run.count; ++i) {
          const T v = p[i * run.inner], top = p[best * run.inner];
          if (v > top || (v != v && top == top)) best = i;
        }
        out[o * run.inner + j] = best;
      }
  });
  return y;
}

Tensor norm(const Tensor& x, const Dims& dims, bool keepdim) {
  check_floating("norm", x);
  return sqrt(sum_masked(square(x), dims.mask("norm", x.shape()), keepdim));
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
