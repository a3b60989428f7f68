#include <limits>
#include <span>
#include <utility>

#include <ravine/core/factories.hpp>
#include <ravine/core/loss.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/runs.hpp>

namespace ravine {
namespace {

/// A tensor with the dimensions in `mask` along lines. If they are no neighbours, it is taken with them last.
struct Lines : detail::Run {
  Lines(const Shape& shape, unsigned mask) : moved((mask & (mask + (mask & -mask))) != 0) {
    for (const unsigned last : {0U, 1U})
      for (int d = 0; d < shape.rank(); ++d) {
        if ((mask >> d & 1U) != last) continue;
        (last ? count : moved || mask >> d != 0 ? outer : inner) *= shape[d];
        places[d] = rank;
        order[rank++] = d;
      }
  }

  Tensor there(const Tensor& x) const { return moved ? permute(x, std::span<const Index>(order, rank)) : x; }
  Tensor back(const Tensor& x) const { return moved ? permute(x, std::span<const Index>(places, rank)) : x; }

  bool moved;
  Index order[max_rank], places[max_rank];
  std::size_t rank = 0;
};

template <class Member>
Tensor softmax_like(const char* op, const Tensor& x, const Dims& dims, Member member) {
  const unsigned mask = dims.mask(op, x.shape());
  return detail::visit_floating(op, x.dtype(), [&](auto type) {
    using T = decltype(type);
    if (x.numel() == 0) return x.clone();
    const Lines lines(x.shape(), mask);
    const Tensor from = lines.there(x);
    Tensor y(from.shape(), x.dtype());
    const auto& kernel = kernels::active<kernels::Loss<T>>().*(member(type));
    detail::by_lines<T>(kernel.rows, kernel.columns, lines, lines.count, y.raw<T>(), from.raw<T>());
    return lines.back(y);
  });
}

template <class Member>
Tensor softmax_like_pullback(const char* op, Tensor dy, const Tensor& y, const Dims& dims, Member member) {
  const unsigned mask = dims.mask(op, y.shape());
  return detail::visit_floating(op, y.dtype(), [&](auto type) {
    using T = decltype(type);
    if (y.numel() == 0) return dy;
    const Lines lines(y.shape(), mask);
    const Tensor at = lines.there(y), up = lines.there(std::exchange(dy, {}));
    Tensor dx = up.unique() ? up : Tensor(at.shape(), y.dtype());
    const auto& kernel = kernels::active<kernels::Loss<T>>().*(member(type));
    detail::by_lines<T>(kernel.rows, kernel.columns, lines, lines.count, dx.raw<T>(), up.raw<T>(), at.raw<T>());
    return lines.back(dx);
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
    const Lines lines(x.shape(), mask);
    const Tensor from = lines.there(x);
    const auto& kernel = kernels::active<kernels::Loss<T>>().logsumexp;
    detail::by_lines<T>(kernel.rows, kernel.columns, lines, 1, y.raw<T>(), from.raw<T>());
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
