/// @file
/// Sums over all elements; for the library's sources, not its public headers.
#pragma once

#include <algorithm>

#include <ravine/core/tensor.hpp>
#include <ravine/core/threads.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The total over [0, n) of a sum f(begin, count), taken over pieces of a fixed size, whoever computes them, and added
/// up in order: the same bits on any number of threads.
template <class F>
auto sum_pieces(Index n, F f) {
  using Total = decltype(f(n, n));
  constexpr Index piece = parallel_grain;
  if (n <= piece) return f(Index{0}, n);
  const Index pieces = (n + piece - 1) / piece;
  const auto one = [&](Index i) { return f(i * piece, std::min(piece, n - i * piece)); };
  Total total{};
  if (const int threads = threads_available(); threads > 1) {
    Tensor parts({pieces * static_cast<Index>(sizeof(Total))}, u8);
    auto* part = reinterpret_cast<Total*>(parts.bytes());
    run_parallel(pieces, threads, [&](Index i) { part[i] = one(i); });
    for (Index i = 0; i < pieces; ++i) total += part[i];
  } else {
    for (Index i = 0; i < pieces; ++i) total += one(i);
  }
  return total;
}

}  // namespace ravine::detail
#pragma GCC visibility pop
