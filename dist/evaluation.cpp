#include <ravine/dist/evaluation.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <limits>
#include <stdexcept>
#include <unordered_map>

#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>
#include <ravine/dist/hash.hpp>
#include <ravine/dist/part.hpp>
#include <ravine/dist/tree.hpp>

namespace ravine::detail {
namespace {

using dist::World;

Index least_bytes(int ranks) { return std::max(ranks, 32) * (least_bucket / 32); }

/// Variables of one type whose gradients are exchanged together.
struct Bucket {
  DType dtype;
  std::vector<std::size_t> variables{};  // the last comes first
  Index numel = 0;
  std::size_t added = 0;            // of the first shards, so many,
  std::vector<Subtree> nodes{};     // and what became of them
  std::vector<std::size_t> left{};  // of each shard: gradients to come

  Index bytes() const { return numel * static_cast<Index>(size_of(dtype)); }
};

/// Of all variables that are not frozen. The last come first, as their gradients mostly do, and first the bucket that
/// is complete first.
std::vector<Bucket> buckets_of(const std::vector<Variable>& variables, Index least_bytes) {
  std::vector<Bucket> buckets;
  for (std::size_t k = variables.size(); k-- > 0;) {
    const Variable& v = variables[k];
    if (!v.requires_grad()) continue;
    const auto is_open = [&](const Bucket& b) { return b.dtype == v.dtype() && b.bytes() < least_bytes; };
    auto open = std::find_if(buckets.begin(), buckets.end(), is_open);
    if (open == buckets.end()) open = buckets.insert(open, {v.dtype()});
    open->variables.push_back(k);
    open->numel += v.numel();
  }
  const auto before = [](const Bucket& a, const Bucket& b) { return a.variables.back() > b.variables.back(); };
  std::sort(buckets.begin(), buckets.end(), before);
  return buckets;
}

/// Whether there is something to send before the last gradients are there.
bool worth_a_thread(const std::vector<Bucket>& buckets, Index least_bytes) {
  const auto is_full = [&](const Bucket& b) { return b.bytes() >= least_bytes; };
  return buckets.size() > 1 && std::any_of(buckets.begin(), buckets.end() - 1, is_full);
}

/// x_i = -0, to which any number may be added and stays as it is.
template <class T>
void fill_neutral(std::byte* x, Index numel) {
  std::fill_n(reinterpret_cast<T*>(x), numel, T{-0.0});
}

/// A bucket's tensors as one vector.
Tensor joined(std::vector<Tensor> parts, const Bucket& bucket, const std::vector<Variable>& variables) {
  if (parts.size() == 1 && parts[0].defined()) return std::move(parts[0]).reshape({bucket.numel});
  Tensor all({bucket.numel}, bucket.dtype);
  std::byte* to = all.bytes();
  for (std::size_t k = 0; k < parts.size(); ++k) {
    const Index numel = variables[bucket.variables[k]].numel();
    const std::size_t bytes = static_cast<std::size_t>(numel) * size_of(bucket.dtype);
    if (!parts[k].defined())
      bucket.dtype == f32 ? fill_neutral<float>(to, numel) : fill_neutral<double>(to, numel);
    else if (bytes > 0)
      std::memcpy(to, parts[k].bytes(), bytes);
    to += bytes;
  }
  return all;
}

class Evaluation {
 public:
  /// Others wait for this rank's gradients from now on: what fails here ends it, and them.
  Evaluation(const Task& task, const Cut& cut) noexcept
      : task_(task),
        world_(task.world),
        cut_(cut),
        alone_(cut.ranks == 1),
        buckets_(buckets_of(task.variables, alone_ ? std::numeric_limits<Index>::max() : least_bytes(cut.ranks))) {
    for (Index s = cut.shard(world_.rank()); s < cut.shard(world_.rank() + 1); ++s) parts_.emplace_back(task, cut, s);
    if (!alone_) begin();
  }

  /// The sums over all shards of what is left in gradients, and of the losses.
  std::vector<Tensor> run(Differentiate differentiate) {
    const auto complete = [this](Node* leaf) { this->complete(leaf); };
    const LeafHook hook = complete;
    do compute(differentiate, overlap_ ? &hook : nullptr);
    while (add_up_given());
    return alone_ ? own_sums() : sums_over_ranks();
  }

  /// What the first shard has moved is what all have.
  void settle() noexcept {
    const nn::Module::NamedVariables& buffers = task_.buffers;
    if (world_.rank() == 0) default_generator() = parts_[0].generator;
    if (world_.size() == 1) return;
    std::vector<std::uint64_t> words = {default_generator().seed(), default_generator().position()};
    const auto bytes = [](const Variable& b) { return static_cast<std::size_t>(b.numel()) * size_of(b.dtype()); };
    for (const auto& [name, buffer] : buffers) {
      words.resize(words.size() + (bytes(buffer) + 7) / 8);
      if (bytes(buffer) > 0)
        std::memcpy(&words[words.size() - (bytes(buffer) + 7) / 8], buffer.value().bytes(), bytes(buffer));
    }
    world_.messages().broadcast(0, words.data(), static_cast<int>(2 * words.size()));
    default_generator().set(words[0], words[1]);
    std::size_t at = 2;
    for (const auto& [name, buffer] : buffers) {
      Tensor value = buffer.value();
      if (bytes(buffer) > 0 && std::memcmp(value.bytes(), &words[at], bytes(buffer)) != 0) {
        std::memcpy(value.bytes(), &words[at], bytes(buffer));
        value.mark_written(advance_write_clock());
      }
      at += (bytes(buffer) + 7) / 8;
    }
  }

 private:
  void begin() {
    std::vector<Exchanges::Size> sizes;
    for (const Bucket& bucket : buckets_) sizes.push_back({bucket.numel, bucket.dtype});
    sizes.push_back({static_cast<Index>(task_.variables.size()) + 1, f64});
    overlap_ = task_.exchanges.begin(cut_, sizes, worth_a_thread(buckets_, least_bytes(cut_.ranks)));
    for (std::size_t b = 0; b < buckets_.size(); ++b) {
      if (overlap_) await(b);
      if (parts_.empty()) give(b);
    }
  }
  void await(std::size_t number) {
    Bucket& bucket = buckets_[number];
    bucket.left.assign(parts_.size(), bucket.variables.size());
    for (const std::size_t k : bucket.variables) bucket_of_[task_.variables[k].node()] = {number, k};
  }

  /// Each until it is over or waits for a sum. On the way they take turns at the end of each bucket, so that it is
  /// complete long before the last shard is over.
  void compute(Differentiate differentiate, const LeafHook* hook) {
    const auto rests = [](const Part& part) { return part.rests(); };
    go_on([](const Part& part) { return !part.over(); }, differentiate, hook);
    while (std::any_of(parts_.begin(), parts_.end(), rests)) go_on(rests, differentiate, hook);
  }
  void go_on(bool (*which)(const Part&), Differentiate differentiate, const LeafHook* hook) {
    for (running_ = 0; running_ < parts_.size(); ++running_) {
      Part& part = parts_[running_];
      if (which(part)) part.go_on(task_, parts_[0].first, differentiate, hook);
      if (part.over())
        for (std::size_t b = 0; b < buckets_.size(); ++b) add_up(b);
    }
  }

  /// Of the shard that runs.
  void complete(Node* leaf) {
    const auto found = bucket_of_.find(leaf);
    if (found == bucket_of_.end()) return;
    const auto [bucket, variable] = found->second;
    parts_[running_].keep(variable);
    if (--buckets_[bucket].left[running_] > 0) return;
    add_up(bucket);
    if (parts_.size() > 1) parts_[running_].rest();
  }

  /// What is complete of a bucket, in the order of shards; gives it to the other ranks when it is all there.
  void add_up(std::size_t number) {
    Bucket& bucket = buckets_[number];
    if (bucket.added == parts_.size()) return;
    const auto is_complete = [&](std::size_t k) {
      return parts_[k].over() || (!bucket.left.empty() && bucket.left[k] == 0);
    };
    for (; bucket.added < parts_.size() && is_complete(bucket.added); ++bucket.added)
      push(bucket.nodes, {parts_[bucket.added].number, 1, parts_[bucket.added].take(bucket.variables)});
    if (bucket.added == parts_.size() && !alone_) give(number);
  }
  void give(std::size_t number) {
    Bucket& bucket = buckets_[number];
    for (Subtree& node : bucket.nodes)
      if (!node.sums.empty()) node.sums = {joined(std::move(node.sums), bucket, task_.variables)};
    task_.exchanges.give(number, std::move(bucket.nodes));
  }

  /// What the shards wait for. False if none does, on any rank.
  bool add_up_given() {
    const auto has_rows = [](const Part& p) { return p.rows > 0; };
    const auto waits = [](const Part& p) { return p.waits(); };
    const auto some = std::count_if(parts_.begin(), parts_.end(), has_rows);
    const auto waiting = std::count_if(parts_.begin(), parts_.end(), waits);
    if (waiting != 0 && waiting != some)
      throw std::logic_error("DataParallel: a batch normalization is not met by all shards of the batch");
    World::Word word{Place::elsewhere};
    if (some > 0) word.place = waiting > 0 ? Place::sum : Place::gradients;
    if (waiting > 0) word.rows = std::find_if(parts_.begin(), parts_.end(), waits)->given.numel();
    word.value = static_cast<std::uint64_t>(word.rows);
    const std::vector<World::Word> words = world_.meet(word, "size of what is summed over shards");
    word = *std::find_if(words.begin(), words.end(), [](const auto& w) { return w.place != Place::elsewhere; });
    if (word.place == Place::gradients) return false;
    add_up_given(word.rows);
    return true;
  }
  /// Others wait for it, as for all after the last meeting.
  void add_up_given(Index numel) noexcept {
    std::vector<Subtree> nodes;
    for (Part& p : parts_)
      push(nodes, {p.number, 1, p.waits() ? std::vector{p.given.reshape({numel})} : std::vector<Tensor>()});
    const Tensor sum = sum_over_ranks(world_.messages(), cut_, nodes, numel, f64);
    for (Part& p : parts_)
      if (p.waits()) p.given = sum.reshape(p.given.shape());
  }

  std::vector<Subtree> losses() {
    std::vector<Subtree> nodes;
    for (Part& part : parts_) push(nodes, {part.number, 1, part.take_loss()});
    return nodes;
  }

  std::vector<Tensor> own_sums() {
    std::vector<Tensor> result(task_.variables.size() + 1);
    for (Bucket& bucket : buckets_)
      for (std::size_t k = 0; k < bucket.variables.size(); ++k)
        result[bucket.variables[k]] = std::move(bucket.nodes[0].sums[k]);
    result.back() = losses()[0].sums[0][0];
    return result;
  }

  std::vector<Tensor> sums_over_ranks() noexcept {
    task_.exchanges.give(buckets_.size(), losses());
    const std::vector<Tensor> all = task_.exchanges.wait();
    std::vector<Tensor> result(task_.variables.size() + 1);
    for (std::size_t b = 0; b < buckets_.size(); ++b) {
      Index at = 0;
      for (const std::size_t k : buckets_[b].variables) {
        const Variable& v = task_.variables[k];
        const Index begin = std::exchange(at, at + v.numel());
        if (all.back().at({static_cast<Index>(k) + 1}) > 0.0) result[k] = all[b].slice(0, begin, at).reshape(v.shape());
      }
    }
    result.back() = all.back()[0];
    return result;
  }

  const Task& task_;
  World& world_;
  const Cut cut_;
  const bool alone_;
  std::deque<Part> parts_;
  std::vector<Bucket> buckets_;
  bool overlap_ = false;
  std::unordered_map<const Node*, std::pair<std::size_t, std::size_t>> bucket_of_;  // a variable, of a number
  std::size_t running_ = 0;
};

void check_rows(const Cut& cut, const std::vector<World::Word>& words) {
  const auto due = [&](int rank) { return cut.row(cut.shard(rank + 1)) - cut.row(cut.shard(rank)); };
  bool right = true;
  for (int rank = 0; rank < cut.ranks; ++rank) right &= due(rank) == words[static_cast<std::size_t>(rank)].rows;
  if (right) return;
  std::string all_due, have;
  for (int rank = 0; rank < cut.ranks; ++rank) {
    const char* const comma = rank == 0 ? "" : ", ";
    all_due += text(comma, due(rank));
    have += text(comma, words[static_cast<std::size_t>(rank)].rows);
  }
  throw ShapeError(text("DataParallel: of a batch of ", cut.rows, " rows the ranks must have ", all_due, ", they have ",
                        have, "; the loader of this DataParallel makes such batches"));
}

/// The rows of the whole batch. All ranks see what is wrong with those of one.
Cut cut_of(const Task& task) {
  const data::Batch& mine = task.mine;
  const Index own = mine.inputs.defined() ? mine.inputs.size(0) : 0;
  if (mine.targets.defined() && mine.targets.size(0) != own)
    throw ShapeError(text("DataParallel: ", own, " rows of inputs and ", mine.targets.size(0), " of targets"));
  Cut cut{0, task.options.shards, task.world.size()};
  std::string frozen;
  for (const Variable& v : task.variables) frozen += v.requires_grad() ? '-' : 'f';
  const Generator& random = default_generator();
  const std::uint64_t same = hash(frozen, 31 * random.seed() + random.position());
  const std::vector<World::Word> words =
      task.world.meet({Place::step, same, own}, "state of random numbers or set of frozen parameters");
  for (const World::Word& word : words) cut.rows += word.rows;
  if (cut.rows == 0) throw std::invalid_argument("DataParallel: the batch has no rows");
  check_rows(cut, words);
  return cut;
}

}  // namespace

std::vector<Tensor> sums(const Task& task, Differentiate differentiate) {
  if (task.exchanges.under_way())
    throw std::logic_error("DataParallel: a step in which an evaluation has failed cannot go on");
  Evaluation evaluation(task, cut_of(task));
  std::vector<Tensor> result = evaluation.run(differentiate);
  evaluation.settle();
  return result;
}

}  // namespace ravine::detail
