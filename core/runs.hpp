/// @file
/// Lines of a tensor along some of its dimensions, which reductions and softmax go through; for the library's sources.
#pragma once

#include <algorithm>
#include <numeric>
#include <utility>

#include <ravine/core/kernels/active.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {

/// Lines along neighbouring dimensions: the tensor is (outer, count, inner).
struct Run {
  Index outer = 1, count = 1, inner = 1;
};

/// Hands out lines of T: rows(x..., rows, n, y) or columns(x..., n, columns, stride, y), where y gets `results`
/// elements of each, n or 1. Short rows are made columns, however many there are: each as it were alone. Columns that
/// are read again and again are copied where their elements take one another's place in a cache.
template <class T, class Rows, class Columns, class Y, class... X>
[[gnu::visibility("hidden")]] void by_lines(const Rows& rows, const Columns& columns, const Run& run, Index results,
                                            Y* y, const X*... x) {
  constexpr Index most = 64, half_line = 32 / sizeof(T);
  using Room = T[sizeof...(x)][most * most];
  const Index n = run.count;
  // So many lines from `at` on, whose elements are `step` apart, by way of columns in `room`.
  const auto copied = [&](Index at, Index lines, Index next, Index step, Index stride, Y* to) {
    const auto plane = kernels::active<kernels::Copy<T>>().plane;
    alignas(64) Room room;
    [&]<std::size_t... k>(std::index_sequence<k...>) {
      (plane(x + at, step, next, n, lines, room[k], stride), ...);
      if (results == 1) return columns(room[k]..., n, lines, stride, to);
      if constexpr (std::is_same_v<Y, T>) {
        columns(room[k]..., n, lines, stride, room[0]);
        next == 1 ? plane(room[0], stride, 1, n, lines, to, step) : plane(room[0], 1, stride, lines, n, to, next);
      }
    }
    (std::index_sequence_for<X...>{});
  };
  if (run.inner != 1 || (run.outer == 1 && n <= most)) {
    // A first cache has 4096 bytes of places for lines, and eight lines for each.
    const Index bytes = run.inner * static_cast<Index>(sizeof(T)),
                wide = most * most / std::max<Index>(n, 1) / half_line * half_line;
    const bool crowded = results > 1 && wide > 0 && n * std::gcd(bytes, Index{4096}) > 8 * 4096;
    return for_columns(run.outer, n, run.inner, [&](Index o, Index begin, Index end) {
      const Index at = o * n * run.inner;
      if (!crowded) return columns(x + at + begin..., n, end - begin, run.inner, y + o * results * run.inner + begin);
      for (; begin < end; begin += wide)
        copied(at + begin, std::min(wide, end - begin), 1, run.inner, wide, y + at + begin);
    });
  }
  for_rows(run.outer, n, [&](Index begin, Index end) {
    if (n > most) return rows(x + begin * n..., end - begin, n, y + begin * results);
    for (Index i = begin; i < end; i += most) copied(i * n, std::min(most, end - i), n, 1, most, y + i * results);
  });
}

}  // namespace ravine::detail
