#include <limits>
#include <span>
#include <utility>

#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/loss.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

/// The dimensions of a shape in another order: those in `mask` last. `count` elements are along them.
struct MovedLast {
  MovedLast(const Shape& shape, unsigned mask) {
    for (const unsigned last : {0U, 1U})
      for (int d = 0; d < shape.rank(); ++d) {
        if ((mask >> d & 1U) != last) continue;
        if (last) count *= shape[d];
        moved |= d != static_cast<int>(rank);
        places[d] = rank;
        order[rank++] = d;
      }
  }

  Tensor there(const Tensor& x) const { return moved ? permute(x, std::span<const Index>(order, rank)) : x; }
  Tensor back(const Tensor& x) const { return moved ? permute(x, std::span<const Index>(places, rank)) : x; }

  Index order[max_rank], places[max_rank], count = 1;
  std::size_t rank = 0;
  bool moved = false;
};

/// kernel(x, rows, count, y) on pieces of the rows of x, whose last elements make rows of `count`.
template <class T>
void by_rows(kernels::RowMap<T> kernel, const Tensor& x, Index count, Tensor& y) {
  const T* from = x.raw<T>();
  T* to = y.raw<T>();
  const Index rows = x.numel() / count, result = y.numel() / rows;
  detail::for_rows(rows, count, [&](Index begin, Index end) {
    kernel(from + begin * count, end - begin, count, to + begin * result);
  });
}

template <class Member>
Tensor softmax_like(const char* op, const Tensor& x, const Dims& dims, Member member) {
  const unsigned mask = dims.mask(op, x.shape());
  return detail::visit_floating(op, x.dtype(), [&](auto type) {
    if (x.numel() == 0) return x.clone();
    const MovedLast order(x.shape(), mask);
    const Tensor rows = order.there(x);
    Tensor y(rows.shape(), x.dtype());
    by_rows(kernels::kernels<decltype(type)>().loss.*(member(type)), rows, order.count, y);
    return order.back(y);
  });
}

template <class Member>
Tensor softmax_like_pullback(const char* op, Tensor dy, const Tensor& y, const Dims& dims, Member member) {
  const unsigned mask = dims.mask(op, y.shape());
  return detail::visit_floating(op, y.dtype(), [&](auto type) {
    using T = decltype(type);
    if (y.numel() == 0) return dy;
    const MovedLast order(y.shape(), mask);
    const Tensor rows = order.there(y), up = order.there(std::exchange(dy, {}));
    Tensor dx = up.unique() ? up : Tensor(rows.shape(), y.dtype());
    const T *from = up.raw<T>(), *at = rows.raw<T>();
    T* to = dx.raw<T>();
    detail::for_rows(rows.numel() / order.count, order.count, [&](Index begin, Index end) {
      const Index first = begin * order.count;
      (kernels::kernels<T>().loss.*(member(type)))(from + first, at + first, end - begin, order.count, to + first);
    });
    return order.back(dx);
  });
}

}  // namespace

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  const unsigned mask = dims.mask("logsumexp", x.shape());
  return detail::visit_floating("logsumexp", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const Shape shape = detail::reduced_shape(x.shape(), mask, keepdim);
    if (x.numel() == 0) return full(shape, -std::numeric_limits<double>::infinity(), x.dtype());
    Tensor y(shape, x.dtype());
    const MovedLast order(x.shape(), mask);
    by_rows(kernels::kernels<T>().loss.logsumexp, order.there(x), order.count, y);
    return y;
  });
}

Tensor softmax(const Tensor& x, const Dims& dims) {
  return softmax_like("softmax", x, dims, [](auto t) { return &kernels::Loss<decltype(t)>::softmax; });
}

Tensor log_softmax(const Tensor& x, const Dims& dims) {
  return softmax_like("log_softmax", x, dims, [](auto t) { return &kernels::Loss<decltype(t)>::log_softmax; });
}

Tensor detail::softmax_pullback(Tensor dy, const Tensor& y, const Dims& dims) {
  return softmax_like_pullback("softmax_pullback", std::move(dy), y, dims,
                               [](auto t) { return &kernels::Loss<decltype(t)>::softmax_pullback; });
}

Tensor detail::log_softmax_pullback(Tensor dy, const Tensor& y, const Dims& dims) {
  return softmax_like_pullback("log_softmax_pullback", std::move(dy), y, dims,
                               [](auto t) { return &kernels::Loss<decltype(t)>::log_softmax_pullback; });
}

}  // namespace ravine
