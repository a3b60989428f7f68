#include <ravine/core/normalize.hpp>

#include <atomic>
#include <stdexcept>

#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/reduce.hpp>
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

}  // namespace

Tensor moments(const char* op, const Tensor& x, Index columns, Lines lines, double eps) {
  const Index rows = rows_of(x, columns), count = lines == Lines::columns ? columns : rows;
  Tensor result({4, count}, x.dtype());
  std::atomic<bool> fit = true;
  visit_floating(op, x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto& kernel = kernels::kernels<T>().normalize;
    const T* in = x.raw<T>();
    T* m = result.raw<T>();
    if (lines == Lines::columns)
      for_columns(rows, columns, [&](Index j, Index end) {
        if (!kernel.column_moments(in + j, rows, end - j, columns, eps, from_line(m, count, j))) fit = false;
      });
    else
      for_rows(rows, columns, [&](Index i, Index end) {
        if (!kernel.row_moments(in + i * columns, end - i, columns, lines == Lines::rows, eps, from_line(m, count, i)))
          fit = false;
      });
  });
  if (!fit) throw std::out_of_range(text(op, ": the values lie too far apart to be normalized in ", x.dtype()));
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
    kernels::kernels<T>().normalize.inverse_std(variance.raw<T>(), eps, lines, result.raw<T>() + 3 * lines);
  });
  return result;
}

Tensor normalize(const Tensor& x, Lines lines, const Tensor& moments, const Tensor& weight, const Tensor& bias) {
  const Index columns = weight.numel(), rows = rows_of(x, columns), count = moments.shape()[1];
  Tensor y(x.shape(), x.dtype());
  visit_floating("normalize", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto& kernel = kernels::kernels<T>().normalize;
    const T *in = x.raw<T>(), *m = moments.raw<T>(), *w = weight.raw<T>(), *b = bias.raw<T>();
    T* out = y.raw<T>();
    if (lines == Lines::columns)
      for_columns(rows, columns, [&](Index j, Index end) {
        kernel.columns(in + j, rows, end - j, columns, from_line(m, count, j), w + j, b + j, out + j);
      });
    else
      for_rows(rows, columns, [&](Index i, Index end) {
        kernel.rows(in + i * columns, end - i, columns, from_line(m, count, i), w, b, out + i * columns);
      });
  });
  return y;
}

std::array<Tensor, 3> normalize_pullback(Tensor dy, const Tensor& x, Lines lines, const Tensor& moments,
                                         const Tensor& weight) {
  const Index columns = weight.numel(), rows = rows_of(x, columns), count = moments.shape()[1];
  const bool down = lines == Lines::columns;
  const Shape matrix{rows, columns}, shape = weight.shape();
  Tensor dbias = down ? Tensor(shape, x.dtype()) : sum(dy.reshape(matrix), 0).reshape(shape);
  Tensor dweight(down ? shape : matrix, x.dtype());  // of rows: what is to be added up
  Tensor dx = dy.unique() ? dy : Tensor(x.shape(), x.dtype());
  visit_floating("normalize", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto& kernel = kernels::kernels<T>().normalize;
    const T *up = std::as_const(dy).raw<T>(), *in = x.raw<T>(), *m = moments.raw<T>(), *w = weight.raw<T>();
    T *out = dx.raw<T>(), *dw = dweight.raw<T>(), *db = dbias.raw<T>();
    if (down)
      for_columns(rows, columns, [&](Index j, Index end) {
        kernel.columns_pullback(up + j, in + j, rows, end - j, columns, from_line(m, count, j), w + j, out + j, dw + j,
                                db + j);
      });
    else
      for_rows(rows, columns, [&](Index i, Index end) {
        const Index at = i * columns;
        kernel.rows_pullback(up + at, in + at, end - i, columns, lines == Lines::rows, from_line(m, count, i), w,
                             out + at, dw + at);
      });
  });
  return {std::move(dx), down ? std::move(dweight) : sum(dweight, 0).reshape(shape), std::move(dbias)};
}

void move_towards(const char* what, Tensor& running, const Tensor& batch, double momentum, double scale) {
  const bool held = visit_floating(what, running.dtype(), [&](auto type) {
    using T = decltype(type);
    return kernels::kernels<T>().normalize.move(batch.raw<T>(), static_cast<T>(1.0 - momentum),
                                                static_cast<T>(momentum * scale), batch.numel(), running.raw<T>());
  });
  if (!held) throw std::out_of_range(text(what, " would be more than ", running.dtype(), " can hold"));
  running.mark_written(advance_write_clock());
}

}  // namespace ravine::detail
