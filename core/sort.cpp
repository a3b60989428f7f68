#include <ravine/core/sort.hpp>

#include <algorithm>
#include <bit>

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
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  if constexpr (std::is_floating_point_v<T>) {
    if (x != x) return ~std::uint64_t{0};
    const auto bits = std::bit_cast<std::uint64_t>(static_cast<double>(x) + 0.0);
    return bits & sign ? ~bits : bits | sign;
  } else {
    return static_cast<std::uint64_t>(x) ^ sign;
  }
}

/// Puts the first k of the items item(0), …, item(n - 1) into room, in order.
template <class F>
void order(Item* room, Index n, Index k, F item) {
  for (Index i = 0; i < k; ++i) room[i] = item(i);
  if (k < n) std::make_heap(room, room + k);
  for (Index i = k; k > 0 && i < n; ++i) {
    const Item next = item(i);
    if (!(next < room[0])) continue;
    std::pop_heap(room, room + k);
    room[k - 1] = next;
    std::push_heap(room, room + k);
  }
  std::sort(room, room + k);
}

/// The first k along dimension d.
Sorted<Tensor> first(const Tensor& x, int d, Index k, bool descending) {
  const detail::DimLayout a(x.shape(), d);
  Shape shape = x.shape();
  shape[d] = k;
  Sorted<Tensor> result{Tensor(shape, x.dtype()), Tensor(shape, i64)};
  const Index lines = a.outer * a.inner;
  Tensor rooms({lines * k, sizeof(Item)}, u8);
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.raw<T>();
    T* values = result.values.raw<T>();
    Index* indices = result.indices.raw<Index>();
    const std::uint64_t turned = descending ? ~std::uint64_t{0} : 0;
    detail::for_rows(lines, a.size, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const T* line = from + row / a.inner * a.size * a.inner + row % a.inner;
        Item* room = reinterpret_cast<Item*>(rooms.bytes()) + row * k;
        order(room, a.size, k, [=, &a](Index i) {
          return Item{rank(line[i * a.inner]) ^ turned} << 64 | static_cast<std::uint64_t>(i);
        });
        for (Index i = 0, to = row / a.inner * k * a.inner + row % a.inner; i < k; ++i, to += a.inner) {
          indices[to] = static_cast<Index>(room[i] & ~std::uint64_t{0});
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
