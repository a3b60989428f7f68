#include <ravine/core/normalize.hpp>

#include <algorithm>
#include <atomic>
#include <stdexcept>

#include <ravine/core/kernels/active.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/sum_pieces.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {
namespace {

/// The arrays in a tensor of moments, from line j on; T is const where they are only read.
template <class T>
kernels::Moments<T> from_line(T* moments, Index lines, Index j) {
  return {moments + j, moments + lines + j, moments + 2 * lines + j, moments + 3 * lines + j};
}

Index rows_of(const Tensor& x, Index columns) { return columns > 0 ? x.numel() / columns : 0; }

/// The moments of row i, longer than a piece of work.
template <class T>
bool long_row_moments(const T* x, Index n, bool about_mean, double eps, const kernels::Moments<T>& m, Index i) {
  const auto& kernel = kernels::active<kernels::Normalize<T>>();
  const T from = about_mean ? kernels::about_the_mean(x, n) : T(0);
  const auto piece = [&](Index begin, Index count) { return kernel.deviations(x + begin, count, from); };
  return kernel.settle(x, n, about_mean, eps, from, sum_pieces(n, piece), m, i);
}

}  // namespace

bool find_moments(const Tensor& x, Index columns, Lines lines, double eps, Tensor& result) {
  const Index rows = rows_of(x, columns), count = result.shape()[1];
  std::atomic<bool> fit = true;
  visit_floating("moments", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto& kernel = kernels::active<kernels::Normalize<T>>();
    const T* in = x.raw<T>();
    T* m = result.raw<T>();
    if (lines == Lines::columns)
      for_columns(rows, columns, [&](Index j, Index end) {
        if (!kernel.column_moments(in + j, rows, end - j, columns, eps, from_line(m, count, j))) fit = false;
      });
    else
      for_rows(rows, columns, [&](Index i, Index end) {
        const bool about_mean = lines == Lines::rows;
        for (; columns > parallel_grain && i < end; ++i)
          if (!long_row_moments(in + i * columns, columns, about_mean, eps, from_line(m, count, 0), i)) fit = false;
        if (!kernel.row_moments(in + i * columns, end - i, columns, about_mean, eps, from_line(m, count, i)))
          fit = false;
      });
  });
  return fit;
}

Tensor moments(const char* op, const Tensor& x, Index columns, Lines lines, double eps) {
  Tensor result({4, lines == Lines::columns ? columns : rows_of(x, columns)}, x.dtype());
  if (!find_moments(x, columns, lines, eps, result))
    throw std::out_of_range(text(op, ": the values lie too far apart to be normalized in ", x.dtype()));
  return result;
}

Tensor moments_from(const Tensor& mean, const Tensor& variance, double eps) {
  const Index lines = mean.numel();
  Tensor result({4, lines}, mean.dtype());
  result[0].copy_from(mean);
  result[1].fill(0.0);
  result[2].copy_from(variance);
  visit_floating("batch_norm", mean.dtype(), [&](auto type) {
    using T = decltype(type);
    kernels::active<kernels::Normalize<T>>().inverse_std(variance.raw<T>(), eps, lines, result.raw<T>() + 3 * lines);
  });
  return result;
}

Tensor normalize(const Tensor& x, Lines lines, const Tensor& moments, const Tensor& weight, const Tensor& bias) {
  const Index columns = weight.numel(), rows = rows_of(x, columns), count = moments.shape()[1];
  Tensor y(x.shape(), x.dtype());
  visit_floating("normalize", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto& kernel = kernels::active<kernels::Normalize<T>>();
    const T *in = x.raw<T>(), *m = moments.raw<T>(), *w = weight.raw<T>(), *b = bias.raw<T>();
    T* out = y.raw<T>();
    const auto apply = lines == Lines::columns ? kernel.columns : kernel.rows;
    for_rows(rows, columns, [&](Index i, Index end) {
      const Index at = i * columns, line = lines == Lines::columns ? 0 : i;
      apply(in + at, end - i, columns, from_line(m, count, line), w, b, out + at);
    });
  });
  return y;
}

std::array<Tensor, 3> normalize_pullback(Tensor dy, const Tensor& x, Lines lines, const Tensor& moments,
                                         const Tensor& weight) {
  const Index columns = weight.numel(), rows = rows_of(x, columns), count = moments.shape()[1];
  const Shape shape = weight.shape();
  Tensor dx = dy.unique() ? dy : Tensor(x.shape(), x.dtype());
  // Of rows, the other gradients are sums over pieces of so many; of columns there is one piece.
  const Index high =
      lines == Lines::columns ? rows : std::clamp<Index>(parallel_grain / std::max<Index>(1, columns), 1, 128);
  const Index pieces = lines == Lines::columns ? 1 : (rows + high - 1) / high;
  Tensor dweight({pieces, columns}, x.dtype()), dbias({pieces, columns}, x.dtype());
  visit_floating("normalize", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto& kernel = kernels::active<kernels::Normalize<T>>();
    const T *up = std::as_const(dy).raw<T>(), *in = x.raw<T>(), *m = moments.raw<T>(), *w = weight.raw<T>();
    T *out = dx.raw<T>(), *dw = dweight.raw<T>(), *db = dbias.raw<T>();
    if (lines == Lines::columns) {
      for_columns(rows, columns, [&](Index j, Index end) {
        kernel.column_sums(up + j, in + j, rows, end - j, columns, from_line(m, count, j), dw + j, db + j);
      });
      return for_rows(rows, columns, [&](Index i, Index end) {
        const Index at = i * columns;
        kernel.columns_pullback(up + at, in + at, end - i, columns, rows, from_line(m, count, 0), w, dw, db, out + at);
      });
    }
    for_rows(pieces, high * columns, [&](Index begin, Index end) {
      for (Index k = begin; k < end; ++k) {
        const Index i = k * high, at = i * columns;
        kernel.rows_pullback(up + at, in + at, std::min(high, rows - i), columns, lines == Lines::rows,
                             from_line(m, count, i), w, out + at, dw + k * columns, db + k * columns);
      }
    });
  });
  const auto total = [&](const Tensor& parts) { return (pieces == 1 ? parts : sum(parts, 0)).reshape(shape); };
  return {std::move(dx), total(dweight), total(dbias)};
}

void move_towards(const char* what, Tensor& running, const Tensor& batch, double momentum, double scale) {
  const bool held = visit_floating(what, running.dtype(), [&](auto type) {
    using T = decltype(type);
    return kernels::active<kernels::Normalize<T>>().move(batch.raw<T>(), static_cast<T>(1.0 - momentum),
                                                         static_cast<T>(momentum * scale), batch.numel(),
                                                         running.raw<T>());
  });
  if (!held) throw std::out_of_range(text(what, " would be more than ", running.dtype(), " can hold"));
  running.mark_written(advance_write_clock());
}

}  // namespace ravine::detail
