#include <ravine/dist/tree.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include <ravine/core/elementwise.hpp>

namespace ravine::detail {
namespace {

/// Up to so many bytes it is the number of messages that takes time.
constexpr Index small = 1 << 15;

/// So many elements are exchanged together, at the most: lengths of messages are ints.
constexpr Index at_once = 1 << 24;

Tensor plus(Tensor a, Tensor b) {
  if (!a.defined()) return b;
  return b.defined() ? std::move(a) + std::move(b) : a;
}

std::vector<Tensor> plus(std::vector<Tensor> a, std::vector<Tensor> b) {
  if (a.empty()) return b;
  for (std::size_t k = 0; k < b.size(); ++k) a[k] = plus(std::move(a[k]), std::move(b[k]));
  return a;
}

/// How a vector is exchanged, of which each rank has its nodes.
class Exchange {
 public:
  Exchange(Messages& messages, const Cut& cut, Index elements, DType dtype)
      : messages_(messages), cut_(cut), elements_(elements), dtype_(dtype) {}

  Tensor run(const std::vector<Subtree>& mine) {
    const bool few = elements_ * element() <= small || cut_.ranks == 2;
    if (few && std::has_single_bit(static_cast<unsigned>(cut_.ranks)) && cut_.shards >= cut_.ranks)
      return by_doubling(mine[0]);
    return few ? by_gathering(mine) : by_slices(mine);
  }

 private:
  // Ranks that hold a node each: every round doubles it.
  Tensor by_doubling(Subtree mine) {
    for (int distance = 1; distance < cut_.ranks; distance *= 2) {
      Subtree theirs{mine.begin ^ mine.count, mine.count, {}};
      if (!cut_.empty(theirs.begin, theirs.count)) theirs.sums = {vector(elements_)};
      messages_.swap(messages_.rank() ^ distance, data(mine), words(mine), data(theirs), words(theirs));
      std::vector<Subtree> both;
      const bool first = mine.begin < theirs.begin;
      push(both, first ? mine : theirs);
      push(both, first ? std::move(theirs) : std::move(mine));
      mine = std::move(both[0]);
    }
    return mine.sums[0];
  }

  // Everybody gets everything.
  Tensor by_gathering(const std::vector<Subtree>& mine) {
    std::vector<int> counts;
    for (int rank = 0; rank < cut_.ranks; ++rank) counts.push_back(present(rank) * words(elements_));
    Tensor out = vector(present(messages_.rank()) * elements_), in = vector(sum(counts));
    std::byte* to = out.bytes();
    for (const Subtree& node : mine) to = put(node, 0, elements_, to);
    messages_.all_gather(out.bytes(), in.bytes(), counts);
    return folded(in, elements_);
  }

  // Each rank adds up a slice of the elements, from everybody's nodes, and everybody gets the slices.
  Tensor by_slices(const std::vector<Subtree>& mine) {
    std::vector<int> out_counts, in_counts, slices;
    const int own = messages_.rank();
    for (int rank = 0; rank < cut_.ranks; ++rank) {
      slices.push_back(words(slice(rank + 1) - slice(rank)));
      out_counts.push_back(present(own) * slices.back());
    }
    for (int rank = 0; rank < cut_.ranks; ++rank)
      in_counts.push_back(present(rank) * slices[static_cast<std::size_t>(own)]);
    Tensor out = vector(sum(out_counts)), in = vector(sum(in_counts));
    std::byte* to = out.bytes();
    for (int rank = 0; rank < cut_.ranks; ++rank)
      for (const Subtree& node : mine) to = put(node, slice(rank), slice(rank + 1), to);
    messages_.all_to_all(out.bytes(), out_counts, in.bytes(), in_counts);
    const Tensor part = folded(in, slice(own + 1) - slice(own));
    Tensor result = vector(elements_);
    messages_.all_gather(part.bytes(), result.bytes(), slices);
    return result;
  }

  Tensor vector(Index elements) const { return Tensor({elements}, dtype_); }
  Index element() const { return static_cast<Index>(size_of(dtype_)); }
  int words(Index elements) const { return static_cast<int>(elements * element() / 4); }
  /// Where a rank's slice begins.
  Index slice(int rank) const { return elements_ * rank / cut_.ranks; }
  /// Elements in so many words.
  Index sum(const std::vector<int>& words) const {
    return std::accumulate(words.begin(), words.end(), Index{0}) * 4 / element();
  }
  int words(const Subtree& node) const { return node.sums.empty() ? 0 : words(elements_); }
  static std::byte* data(Subtree& node) { return node.sums.empty() ? nullptr : node.sums[0].bytes(); }

  int present(int rank) const {
    const std::vector<Subtree> nodes = nodes_of(cut_, rank);
    return static_cast<int>(
        std::count_if(nodes.begin(), nodes.end(), [&](const Subtree& n) { return !cut_.empty(n.begin, n.count); }));
  }

  std::byte* put(const Subtree& node, Index begin, Index end, std::byte* to) const {
    if (node.sums.empty() || begin == end) return to;
    const std::size_t count = static_cast<std::size_t>((end - begin) * element());
    std::memcpy(to, node.sums[0].bytes() + begin * element(), count);
    return to + count;
  }

  /// The sum of everybody's nodes, so many elements of each, which lie one after the other.
  Tensor folded(const Tensor& all, Index elements) const {
    std::vector<Subtree> nodes;
    Index at = 0;
    for (int rank = 0; rank < cut_.ranks; ++rank)
      for (Subtree& node : nodes_of(cut_, rank)) {
        if (!cut_.empty(node.begin, node.count)) {
          node.sums = {all.slice(0, at, at + elements)};
          at += elements;
        }
        push(nodes, std::move(node));
      }
    return nodes[0].sums[0];
  }

  Messages& messages_;
  const Cut& cut_;
  const Index elements_;
  const DType dtype_;
};

}  // namespace

void push(std::vector<Subtree>& nodes, Subtree node) {
  while (!nodes.empty() && nodes.back().begin == (node.begin ^ node.count) && nodes.back().count == node.count) {
    node.sums = plus(std::move(nodes.back().sums), std::move(node.sums));
    node.begin = nodes.back().begin;
    node.count *= 2;
    nodes.pop_back();
  }
  nodes.push_back(std::move(node));
}

std::vector<Subtree> nodes_of(const Cut& cut, int rank) {
  std::vector<Subtree> nodes;
  for (Index s = cut.shard(rank); s < cut.shard(rank + 1); ++s) push(nodes, {s, 1, {}});
  return nodes;
}

Tensor sum_over_ranks(Messages& messages, const Cut& cut, const std::vector<Subtree>& nodes, Index numel, DType dtype) {
  if (cut.ranks == 1) return nodes[0].sums[0];
  if (numel <= at_once) return Exchange(messages, cut, numel, dtype).run(nodes);
  Tensor result({numel}, dtype);
  for (Index begin = 0; begin < numel; begin += at_once) {
    const Index end = std::min(begin + at_once, numel);
    std::vector<Subtree> parts = nodes;
    for (Subtree& part : parts)
      if (!part.sums.empty()) part.sums = {part.sums[0].slice(0, begin, end)};
    result.slice(0, begin, end).copy_from(Exchange(messages, cut, end - begin, dtype).run(parts));
  }
  return result;
}

}  // namespace ravine::detail
