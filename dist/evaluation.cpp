#include <ravine/dist/evaluation.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>
#include <ravine/dist/part.hpp>
#include <ravine/dist/tree.hpp>

namespace ravine::detail {
namespace {

using dist::World;

/// The sums as flat tensors that ranks can exchange: of f64 and of f32.
class Layout {
 public:
  explicit Layout(const std::vector<Variable>& variables) : variables_(variables) {
    sizes_[0] = static_cast<Index>(variables.size()) + 1;  // whether there is such a gradient, and the loss
    for (const Variable& v : variables) sizes_[v.dtype() == f32] += v.numel();
  }
  Tensor empty(int kind) const { return Tensor({sizes_[kind]}, kind == 0 ? f64 : f32); }

  /// sums: of the gradients, and the loss
  Tensor flat(int kind, const std::vector<Tensor>& sums) const {
    Tensor all = empty(kind);
    std::byte* to = all.bytes();
    const auto put = [&](const Tensor& x, Index numel) {
      const std::size_t count = static_cast<std::size_t>(numel) * size_of(all.dtype());
      if (count > 0) x.defined() ? std::memcpy(to, x.bytes(), count) : std::memset(to, 0, count);
      to += count;
    };
    if (kind == 0) {
      for (std::size_t k = 0; k < variables_.size(); ++k) put(scalar(sums[k].defined() ? 1.0 : 0.0, f64), 1);
      put(sums.back(), 1);
    }
    for (std::size_t k = 0; k < variables_.size(); ++k)
      if (variables_[k].dtype() == all.dtype()) put(sums[k], variables_[k].numel());
    return all;
  }

  std::vector<Tensor> sums(const Tensor& of_f64, const Tensor& of_f32) const {
    const auto count = static_cast<Index>(variables_.size());
    Index at[2] = {count + 1, 0};
    std::vector<Tensor> result;
    for (Index k = 0; k < count; ++k) {
      const Variable& v = variables_[static_cast<std::size_t>(k)];
      const bool single = v.dtype() == f32;
      const Index begin = std::exchange(at[single], at[single] + v.numel());
      const bool any = of_f64.at({k}) > 0.0;
      result.push_back(any ? (single ? of_f32 : of_f64).slice(0, begin, begin + v.numel()).reshape(v.shape())
                           : Tensor());
    }
    result.push_back(of_f64[count]);
    return result;
  }

 private:
  const std::vector<Variable>& variables_;
  Index sizes_[2] = {0, 0};
};

class Evaluation {
 public:
  Evaluation(const Task& task, const Cut& cut) : task_(task), world_(task.world), cut_(cut) {
    for (Index s = cut.shard(world_.rank()); s < cut.shard(world_.rank() + 1); ++s) parts_.emplace_back(task, cut, s);
  }

  /// The sums over all shards of what is left in gradients, and of the losses.
  std::vector<Tensor> run(Differentiate differentiate) {
    do compute(differentiate);
    while (add_up_given());
    return over_ranks();
  }

  /// What the first shard has moved is what all have.
  void settle() {
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
  // Each until it is over or waits for a sum. Those that are over give their gradients away, in order.
  void compute(Differentiate differentiate) {
    for (Part& part : parts_) {
      if (!part.over()) part.go_on(task_, parts_[0].first, differentiate);
      for (; added_ < parts_.size() && parts_[added_].over(); ++added_)
        push(sums_, {parts_[added_].number, 1, parts_[added_].take_sums()});
    }
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

    std::vector<Subtree> nodes;
    for (Part& p : parts_)
      push(nodes, {p.number, 1, p.waits() ? std::vector{p.given.reshape({p.given.numel()})} : std::vector<Tensor>()});
    const Tensor sum = sum_over_ranks(world_.messages(), cut_, nodes, Tensor({word.rows}, f64));
    for (Part& p : parts_)
      if (p.waits()) p.given = sum.reshape(p.given.shape());
    return true;
  }

  std::vector<Tensor> over_ranks() {
    if (world_.size() == 1) return std::move(sums_[0].sums);
    const Layout layout(task_.variables);
    Tensor flat[2];
    for (const int kind : {0, 1}) {
      flat[kind] = layout.empty(kind);
      if (flat[kind].numel() == 0) continue;
      std::vector<Subtree> nodes = sums_;
      for (Subtree& node : nodes)
        if (!node.sums.empty()) node.sums = {layout.flat(kind, node.sums)};
      flat[kind] = sum_over_ranks(world_.messages(), cut_, nodes, flat[kind]);
    }
    return layout.sums(flat[0], flat[1]);
  }

  const Task& task_;
  World& world_;
  const Cut cut_;
  std::deque<Part> parts_;
  std::vector<Subtree> sums_;  // of the first shards, `added_` of them
  std::size_t added_ = 0;
};

/// The rows of the whole batch. All ranks see what is wrong with those of one.
Cut cut_of(const Task& task) {
  const data::Batch& mine = task.mine;
  const Index own = mine.inputs.defined() ? mine.inputs.size(0) : 0;
  if (mine.targets.defined() && mine.targets.size(0) != own)
    throw ShapeError(text("DataParallel: ", own, " rows of inputs and ", mine.targets.size(0), " of targets"));
  Cut cut{0, task.options.shards, task.world.size()};
  const std::vector<World::Word> words = task.world.meet({Place::step, 0, own});
  for (const World::Word& word : words) cut.rows += word.rows;
  if (cut.rows == 0) throw std::invalid_argument("DataParallel: the batch has no rows");
  std::string due, has;
  for (int rank = 0; rank < cut.ranks; ++rank) {
    const char* const comma = rank == 0 ? "" : ", ";
    due += text(comma, cut.row(cut.shard(rank + 1)) - cut.row(cut.shard(rank)));
    has += text(comma, words[static_cast<std::size_t>(rank)].rows);
  }
  if (due != has)
    throw ShapeError(text("DataParallel: of a batch of ", cut.rows, " rows the ranks must have ", due, ", they have ",
                          has, "; the loader of this DataParallel makes such batches"));
  return cut;
}

}  // namespace

std::vector<Tensor> sums(const Task& task, Differentiate differentiate) {
  Evaluation evaluation(task, cut_of(task));
  std::vector<Tensor> result = evaluation.run(differentiate);
  evaluation.settle();
  return result;
}

}  // namespace ravine::detail
