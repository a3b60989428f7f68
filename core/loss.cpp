#include <ravine/core/loss.hpp>

#include <algorithm>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/active.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/sum_pieces.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {

double squared_error(const Tensor& a, const Tensor& b) {
  return visit_floating("squared_error", a.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto kernel = kernels::active<kernels::Reduce<T>>().squared_error;
    const T *x = a.raw<T>(), *y = b.raw<T>();
    return sum_pieces(a.numel(), [&](Index begin, Index count) { return kernel(x + begin, y + begin, count); });
  });
}

namespace {

/// f(part of the rows, first row) on pieces of the rows; on several threads if there are many.
template <class T, class F>
void by_rows(const Tensor& scores, const ClassTargets& target, F f) {
  const Index rows = scores.shape()[0], classes = scores.shape()[1];
  const bool weighted = target.weight.defined();
  const kernels::ClassRows<T> all{
      .scores = scores.raw<T>(),
      .target = target.classes.raw<Index>(),
      .ignored = target.ignored,
      .rows = rows,
      .classes = classes,
      .weight = target.weight.raw<T>(),
      .total_weight = weighted ? static_cast<T>(sum(target.weight).item()) : static_cast<T>(classes),
      .hard = static_cast<T>(1.0 - target.smoothing),
      .share = static_cast<T>(target.smoothing / static_cast<double>(std::max<Index>(1, classes)))};
  for_rows(rows, classes, [&](Index begin, Index end) {
    kernels::ClassRows<T> part = all;
    part.scores += begin * classes;
    part.target += begin;
    part.rows = end - begin;
    f(part, begin);
  });
}

}  // namespace

Tensor cross_entropies(const Tensor& scores, const ClassTargets& target, Tensor& rows) {
  const Index n = scores.shape()[0];
  Tensor losses({n}, scores.dtype());
  visit_floating("cross_entropy", scores.dtype(), [&](auto type) {
    using T = decltype(type);
    T *top = rows.raw<T>(), *others = top + n, *out = losses.raw<T>();
    by_rows<T>(scores, target, [&](const kernels::ClassRows<T>& part, Index i) {
      kernels::active<kernels::Loss<T>>().cross_entropies(part, top + i, others + i, out + i);
    });
  });
  return losses;
}

Tensor cross_entropy_pullback(const Tensor& dy, const Tensor& scores, const ClassTargets& target, const Tensor& rows) {
  const Index n = scores.shape()[0], classes = scores.shape()[1];
  Tensor dx(scores.shape(), scores.dtype());
  visit_floating("cross_entropy", scores.dtype(), [&](auto type) {
    using T = decltype(type);
    const T *top = rows.raw<T>(), *others = top + n, *upstream = dy.raw<T>();
    T* out = dx.raw<T>();
    by_rows<T>(scores, target, [&](const kernels::ClassRows<T>& part, Index i) {
      kernels::active<kernels::Loss<T>>().cross_entropy_pullback(part, top + i, others + i, upstream + i,
                                                                 out + i * classes);
    });
  });
  return dx;
}

Tensor class_weights(const ClassTargets& target, Index classes, DType dtype) {
  const Tensor column = target.classes.reshape({target.classes.numel(), 1});
  Tensor q = eq(arange(classes, i64), column).to(dtype) * (1.0 - target.smoothing);
  if (target.smoothing > 0.0) q = std::move(q) + target.smoothing / static_cast<double>(classes);
  if (target.weight.defined()) q = std::move(q) * target.weight;
  return std::move(q) * ne(column, target.ignored).to(dtype);
}

}  // namespace ravine::detail
