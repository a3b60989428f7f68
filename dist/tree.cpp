#include <ravine/dist/tree.hpp>

#include <algorithm>
#include <bit>
#include <cstring>

#include <ravine/core/elementwise.hpp>

namespace ravine::detail {
namespace {

/// Up to so many bytes it is the number of messages that takes time.
constexpr std::size_t small = 1 << 15;

Tensor plus(Tensor a, Tensor b) {
  if (!a.defined()) return b;
  return b.defined() ? std::move(a) + std::move(b) : a;
}

std::vector<Tensor> plus(std::vector<Tensor> a, std::vector<Tensor> b) {
  if (a.empty()) return b;
  for (std::size_t k = 0; k < b.size(); ++k) a[k] = plus(std::move(a[k]), std::move(b[k]));
  return a;
}

std::size_t bytes_of(const Tensor& x) { return static_cast<std::size_t>(x.numel()) * size_of(x.dtype()); }
int words_of(const Tensor& x) { return static_cast<int>(bytes_of(x) / 4); }

/// The nodes that a rank has, without what is in them.
std::vector<Subtree> nodes_of(const Cut& cut, int rank) {
  std::vector<Subtree> nodes;
  for (Index s = cut.shard(rank); s < cut.shard(rank + 1); ++s) push(nodes, {s, 1, {}});
  return nodes;
}

/// What is exchanged, and how.
class Exchange {
 public:
  Exchange(Messages& messages, const Cut& cut, const Tensor& whole) : messages_(messages), cut_(cut), whole_(whole) {}

  // Ranks that hold a node each: every round doubles it.
  Tensor by_doubling(Subtree mine) {
    for (int distance = 1; distance < cut_.ranks; distance *= 2) {
      Subtree theirs{mine.begin ^ mine.count, mine.count, {}};
      if (!cut_.empty(theirs.begin, theirs.count)) theirs.sums = {like(whole_.numel())};
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
    for (int rank = 0; rank < cut_.ranks; ++rank) counts.push_back(present(rank) * words_of(whole_));
    Tensor out = like(present(messages_.rank()) * whole_.numel()), in = like(sum(counts) * 4 / element());
    std::byte* to = out.bytes();
    for (const Subtree& node : mine) to = put(node, 0, whole_.numel(), to);
    messages_.all_gather(out.bytes(), in.bytes(), counts);
    return folded(in, whole_.numel());
  }

  // Each rank adds up a slice of the elements, from everybody's nodes, and everybody gets the slices.
  Tensor by_slices(const std::vector<Subtree>& mine) {
    std::vector<int> out_counts, in_counts, slices;
    const int own = messages_.rank();
    for (int rank = 0; rank < cut_.ranks; ++rank) {
      slices.push_back(static_cast<int>((slice(rank + 1) - slice(rank)) * element() / 4));
      out_counts.push_back(present(own) * slices.back());
    }
    for (int rank = 0; rank < cut_.ranks; ++rank)
      in_counts.push_back(present(rank) * slices[static_cast<std::size_t>(own)]);
    Tensor out = like(sum(out_counts) * 4 / element()), in = like(sum(in_counts) * 4 / element());
    std::byte* to = out.bytes();
    for (int rank = 0; rank < cut_.ranks; ++rank)
      for (const Subtree& node : mine) to = put(node, slice(rank), slice(rank + 1), to);
    messages_.all_to_all(out.bytes(), out_counts, in.bytes(), in_counts);
    const Tensor part = folded(in, slice(own + 1) - slice(own));
    Tensor result = like(whole_.numel());
    messages_.all_gather(part.bytes(), result.bytes(), slices);
    return result;
  }

 private:
  Tensor like(Index elements) const { return Tensor({elements}, whole_.dtype()); }
  Index element() const { return static_cast<Index>(size_of(whole_.dtype())); }
  Index slice(int rank) const { return whole_.numel() * rank / cut_.ranks; }
  static Index sum(const std::vector<int>& counts) {
    Index total = 0;
    for (const int count : counts) total += count;
    return total;
  }
  static std::byte* data(Subtree& node) { return node.sums.empty() ? nullptr : node.sums[0].bytes(); }
  static int words(const Subtree& node) { return node.sums.empty() ? 0 : words_of(node.sums[0]); }

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
  const Tensor& whole_;
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

Tensor sum_over_ranks(Messages& messages, const Cut& cut, std::vector<Subtree> nodes, const Tensor& whole) {
  if (cut.ranks == 1) return nodes[0].sums[0];
  Exchange exchange(messages, cut, whole);
  const bool few = bytes_of(whole) <= small || cut.ranks == 2;
  if (few && std::has_single_bit(static_cast<unsigned>(cut.ranks)) && cut.shards >= cut.ranks)
    return exchange.by_doubling(std::move(nodes[0])).reshape(whole.shape());
  return (few ? exchange.by_gathering(nodes) : exchange.by_slices(nodes)).reshape(whole.shape());
}

}  // namespace ravine::detail
