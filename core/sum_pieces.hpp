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
double sum_pieces(Index n, F f) {
  constexpr Index piece = parallel_grain;
  if (n <= piece) return f(Index{0}, n);
  const Index pieces = (n + piece - 1) / piece;
  Tensor parts({pieces}, f64);
  double* part = parts.raw<double>();
  const auto one = [&](Index i) { part[i] = f(i * piece, std::min(piece, n - i * piece)); };
  if (const int threads = threads_available(); threads > 1) {
    run_parallel(pieces, threads, one);
  } else {
    for (Index i = 0; i < pieces; ++i) one(i);
  }
  double total = 0.0;
  for (Index i = 0; i < pieces; ++i) total += part[i];
  return total;
}

}  // namespace ravine::detail
#pragma GCC visibility pop
