/// @file
/// Lines of a tensor along some of its dimensions, which reductions and softmax go through; for the library's sources.
#pragma once

#include <algorithm>
#include <utility>

#include <ravine/core/kernels/active.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {

/// Lines along neighbouring dimensions: the tensor is (outer, count, inner).
struct Run {
  Index outer = 1, count = 1, inner = 1;
};

/// Hands out lines of T: rows(x..., rows, n, y) or columns(x..., n, columns, stride, y), where y gets `results`
/// elements of each, n or 1. Short rows are made columns, however many there are: each as it were alone.
template <class T, class Rows, class Columns, class Y, class... X>
[[gnu::visibility("hidden")]] void by_lines(const Rows& rows, const Columns& columns, const Run& run, Index results,
                                            Y* y, const X*... x) {
  constexpr Index most = 64;
  const Index n = run.count;
  if (run.inner != 1 || (run.outer == 1 && n <= most))
    return for_columns(run.outer, n, run.inner, [&](Index o, Index begin, Index end) {
      const Index at = o * n * run.inner + begin;
      columns(x + at..., n, end - begin, run.inner, y + o * results * run.inner + begin);
    });
  for_rows(run.outer, n, [&](Index begin, Index end) {
    if (n > most) return rows(x + begin * n..., end - begin, n, y + begin * results);
    const auto plane = kernels::active<kernels::Copy<T>>().plane;
    alignas(64) T room[sizeof...(x)][most * most];
    for (Index i = begin; i < end; i += most) {
      const Index high = std::min(most, end - i);
      [&]<std::size_t... k>(std::index_sequence<k...>) {
        (plane(x + i * n, 1, n, n, high, room[k], most), ...);
        if (results == 1) return columns(room[k]..., n, high, most, y + i);
        if constexpr (std::is_same_v<Y, T>) {
          columns(room[k]..., n, high, most, room[0]);
          plane(room[0], 1, most, high, n, y + i * n, n);
        }
      }
      (std::index_sequence_for<X...>{});
    }
  });
}

}  // namespace ravine::detail
