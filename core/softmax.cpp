#include <limits>
#include <span>

#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/kernels.hpp>
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

}  // namespace ravine
