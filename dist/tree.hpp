/// @file
/// Sums over the shards of a batch, in one binary tree; for the library's sources, not its public headers.
#pragma once

#include <algorithm>
#include <vector>

#include <ravine/core/tensor.hpp>
#include <ravine/dist/messages.hpp>

namespace ravine::detail {

/// Which rows of a batch are whose: shards get rows, and ranks get shards, in order and as evenly as can be. Of shards
/// the first ranks have one more, so that where none has more than two each has a node of the tree.
struct Cut {
  Index rows, shards;  // a power of two of them
  int ranks;

  /// The first row of a shard.
  Index row(Index shard) const { return (shard * rows + shards - 1) / shards; }
  /// The first shard of a rank.
  Index shard(int rank) const { return rank * (shards / ranks) + std::min<Index>(rank, shards % ranks); }
  bool empty(Index begin, Index count) const { return row(begin) == row(begin + count); }
};

/// The sum over so many shards, a power of two, from `begin` on, which is a multiple of that: a node of the tree. It
/// has several tensors, the undefined ones among them being 0; and none at all if the shards are empty.
struct Subtree {
  Index begin, count;
  std::vector<Tensor> sums;
};

/// Puts a node behind others. Where it is the second half of one above, it is added to the first and both become that.
/// So whoever puts in all leaves, or nodes that others made of them, gets the same bits.
void push(std::vector<Subtree>& nodes, Subtree node);

/// The nodes that a rank has, without what is in them.
std::vector<Subtree> nodes_of(const Cut& cut, int rank);

/// The sum over all shards, from the nodes over this rank's, each of one f32 or f64 vector. The same on every rank.
Tensor sum_over_ranks(Messages& messages, const Cut& cut, const std::vector<Subtree>& nodes, Index numel, DType dtype);

}  // namespace ravine::detail
