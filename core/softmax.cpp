#include <algorithm>
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

/// A tensor as (outer, count, inner), with the dimensions in `mask` along the middle. If they are no neighbours, it is
/// taken with them last.
struct Lines {
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
  Index order[max_rank], places[max_rank], outer = 1, count = 1, inner = 1;
  std::size_t rank = 0;
};

/// The kernel on pieces of lines; y has `results` elements of each. Short rows are made columns, however many there
/// are.
template <class T, class Kernel, class... X>
void by_lines(const Kernel& kernel, const Lines& lines, Index results, T* y, const X*... x) {
  constexpr Index most = 64;
  const Index n = lines.count;
  if (lines.inner > 1 || (lines.outer == 1 && n <= most))
    return detail::for_columns(lines.outer, n, lines.inner, [&](Index o, Index begin, Index end) {
      const Index at = o * n * lines.inner + begin;
      kernel.columns(x + at..., n, end - begin, lines.inner, y + o * results * lines.inner + begin);
    });
  detail::for_rows(lines.outer, n, [&](Index begin, Index end) {
    if (n > most) return kernel.rows(x + begin * n..., end - begin, n, y + begin * results);
    const auto plane = kernels::active<kernels::Copy<T>>().plane;
    alignas(64) T room[sizeof...(x)][most * most];
    for (Index i = begin; i < end; i += most) {
      const Index high = std::min(most, end - i);
      [&]<std::size_t... k>(std::index_sequence<k...>) {
        (plane(x + i * n, 1, n, n, high, room[k], most), ...);
        kernel.columns(room[k]..., n, high, most, room[0]);
      }
      (std::index_sequence_for<X...>{});
      plane(room[0], 1, most, high, results, y + i * results, results);
    }
  });
}

template <class Member>
Tensor softmax_like(const char* op, const Tensor& x, const Dims& dims, Member member) {
  const unsigned mask = dims.mask(op, x.shape());
  return detail::visit_floating(op, x.dtype(), [&](auto type) {
    using T = decltype(type);
    if (x.numel() == 0) return x.clone();
    const Lines lines(x.shape(), mask);
    const Tensor from = lines.there(x);
    Tensor y(from.shape(), x.dtype());
    by_lines(kernels::active<kernels::Loss<T>>().*(member(type)), lines, lines.count, y.raw<T>(), from.raw<T>());
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
    by_lines(kernels::active<kernels::Loss<T>>().*(member(type)), lines, lines.count, dx.raw<T>(), up.raw<T>(),
             at.raw<T>());
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
    by_lines(kernels::active<kernels::Loss<T>>().logsumexp, lines, 1, y.raw<T>(), from.raw<T>());
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
