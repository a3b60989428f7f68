/// @file
/// How a step is shared out to the threads; for the library's sources, not its public headers.
#pragma once

#include <algorithm>

#include <ravine/core/threads.hpp>

namespace ravine::detail {

/// How many of n make a piece, `least` at least. Long pieces, as the processor has to learn anew what to read ahead in
/// each one; but some for each thread, so that one that is held up gets fewer.
inline Index long_piece(Index n, Index least) {
  return n <= least ? least : std::max(least, n / (4 * threads_available()));
}

/// parallel_for on the rows of a matrix, in long pieces.
template <class F>
void for_long_rows(Index rows, Index columns, F&& f) {
  parallel_for(rows, long_piece(rows, std::max<Index>(1, parallel_grain / std::max<Index>(1, columns))), f);
}

}  // namespace ravine::detail
