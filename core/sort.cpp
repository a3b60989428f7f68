#include <ravine/core/sort.hpp>

#include <algorithm>

#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

/// An element and where along the dimension it stands.
template <class T>
struct Item {
  T value;
  Index position;
};

template <class T>
bool less(T a, T b) {
  return a < b || (b != b && a == a);  // NaN counts as the largest
}

/// Puts the first k of n items in their places. No two items are equal: the position decides.
template <class T>
void order(Item<T>* items, Index n, Index k, bool descending) {
  const auto before = [descending](const Item<T>& a, const Item<T>& b) {
    if (less(a.value, b.value)) return !descending;
    if (less(b.value, a.value)) return descending;
    return a.position < b.position;
  };
  if (k < n / 8) return std::partial_sort(items, items + k, items + n, before);
  if (k < n) std::nth_element(items, items + k, items + n, before);
  std::sort(items, items + k, before);
}

/// The first k along dimension d.
Sorted<Tensor> first(const Tensor& x, int d, Index k, bool descending) {
  const detail::DimLayout a(x.shape(), d);
  Shape shape = x.shape();
  shape[d] = k;
  Sorted<Tensor> result{Tensor(shape, x.dtype()), Tensor(shape, i64)};
  detail::visit(x.dtype(), [&](auto zero) {
    using T = decltype(zero);
    const T* from = x.raw<T>();
    T* values = result.values.raw<T>();
    Index* indices = result.indices.raw<Index>();
    std::vector<Item<T>> all(static_cast<std::size_t>(x.numel()));
    detail::for_rows(a.outer * a.inner, a.size, [&](Index begin, Index end) {
      for (Index row = begin; row < end; ++row) {
        const Index o = row / a.inner, j = row % a.inner;
        Item<T>* items = all.data() + row * a.size;
        for (Index i = 0; i < a.size; ++i) items[i] = {from[(o * a.size + i) * a.inner + j], i};
        order(items, a.size, k, descending);
        for (Index i = 0; i < k; ++i) {
          values[(o * k + i) * a.inner + j] = items[i].value;
          indices[(o * k + i) * a.inner + j] = items[i].position;
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
