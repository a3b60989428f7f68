#include <ravine/core/sort.hpp>

#include <algorithm>
#include <bit>
#include <utility>

#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

/// An element and where along the dimension it stands, as one number: they come in the order of the elements, and of
/// positions where those are equal.
__extension__ using Item = unsigned __int128;

/// An unsigned number that is larger for a larger x. NaN counts as the largest, and -0 is 0.
template <class T>
std::uint64_t rank(T x) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
  if constexpr (std::is_floating_point_v<T>) {
    const auto bits = std::bit_cast<Bits>(x + T{0});
    return x != x ? ~Bits{0} : bits & sign ? ~bits : bits | sign;
  } else {
    return static_cast<Bits>(x) ^ sign;
  }
}

Item item(std::uint64_t rank, Index i) { return Item{rank} << 64 | static_cast<std::uint64_t>(i); }
std::uint64_t rank_of(Item item) { return static_cast<std::uint64_t>(item >> 64); }

constexpr Index many = 512;

/// Puts n items, which come in the order of their positions, in order, here or, if they are many, in the n places
/// behind them: by one byte of their ranks after the other, as equals stay in order.
const Item* sorted(Item* items, Index n) {
  if (n < many) {
    std::sort(items, items + n);
    return items;
  }
  Item* to = items + n;
  std::uint64_t differing = 0;
  for (Index i = 1; i < n; ++i) differing |= rank_of(items[0]) ^ rank_of(items[i]);
  for (int shift = 0; shift < 64; shift += 8) {
    if ((differing >> shift & 255) == 0) continue;
    Index places[256] = {}, at = 0;
    for (Index i = 0; i < n; ++i) ++places[rank_of(items[i]) >> shift & 255];
    for (Index& place : places) at += std::exchange(place, at);
    for (Index i = 0; i < n; ++i) to[places[rank_of(items[i]) >> shift & 255]++] = items[i];
    std::swap(items, to);
  }
  return items;
}

/// The first k of n items in order, somewhere in room, which takes k or, if all are put in order, what `sorted` needs;
/// rank_at(i) is the rank of the i-th.
template <class F>
const Item* order(Item* room, Index n, Index k, bool all, F rank_at) {
  for (Index i = 0; i < (all ? n : k); ++i) room[i] = item(rank_at(i), i);
  if (all) return sorted(room, n);
  std::make_heap(room, room + k);
  for (Index i = k; k > 0 && i < n; ++i) {
    const std::uint64_t rank = rank_at(i);
    if (rank >= rank_of(room[0])) continue;
    std::pop_heap(room, room + k);
    room[k - 1] = item(rank, i);
    std::push_heap(room, room + k);
  }
  std::sort(room, room + k);
  return room;
}

/// The first k along dimension d.
Sorted<Tensor> first(const Tensor& x, int d, Index k, bool descending) {
  const detail::DimLayout a(x.shape(), d);
  Shape shape = x.shape();
  shape[d] = k;
  Sorted<Tensor> result{Tensor(shape, x.dtype()), Tensor(shape, i64)};
  const Index lines = a.outer * a.inner;
  const bool all = k > a.size / 8;  // then it takes less time to put all in order
  const Index places = !all ? k : a.size < many ? a.size : 2 * a.size;
  Tensor rooms({lines * places, sizeof(Item)}, u8);
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.raw<T>();
    T* values = result.values.raw<T>();
    Index* indices = result.indices.raw<Index>();
    const std::uint64_t turned = descending ? ~std::uint64_t{0} : 0;
    detail::for_rows(lines, a.size, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const T* line = from + row / a.inner * a.size * a.inner + row % a.inner;
        const Item* items = order(reinterpret_cast<Item*>(rooms.bytes()) + row * places, a.size, k, all,
                                  [=, &a](Index i) { return rank(line[i * a.inner]) ^ turned; });
        for (Index i = 0, to = row / a.inner * k * a.inner + row % a.inner; i < k; ++i, to += a.inner) {
          indices[to] = static_cast<Index>(static_cast<std::uint64_t>(items[i]));
          values[to] = line[indices[to] * a.inner];
        }
      }
    });
  });
  return result;
}

}  // namespace

Sorted<Tensor> sort(const Tensor& x, Index dim, bool descending) {
  const int d = detail::wrap_dim("sort", dim, x.shape());
  return first(x, d, x.shape()[d], descending);
}

Tensor argsort(const Tensor& x, Index dim, bool descending) {
  const int d = detail::wrap_dim("argsort", dim, x.shape());
  return first(x, d, x.shape()[d], descending).indices;
}

Sorted<Tensor> topk(const Tensor& x, Index k, Index dim, bool largest) {
  const int d = detail::wrap_dim("topk", dim, x.shape());
  if (k < 0 || k > x.shape()[d])
    throw ShapeError(detail::text("topk: k must be in [0, ", x.shape()[d], "], the size of dimension ", dim, " of ",
                                  x.shape(), ", got ", k));
  return first(x, d, k, largest);
}

}  // namespace ravine
