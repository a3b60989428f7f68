#include <ravine/dist/evaluation.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <stdexcept>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/grad.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/shard.hpp>
#include <ravine/core/text.hpp>
#include <ravine/dist/fiber.hpp>
#include <ravine/dist/tree.hpp>

namespace ravine::detail {
namespace {

using dist::World;

/// Leaves in the variables' gradients what is to be added up of a loss: its gradients, or others.
using Differentiate = FunctionRef<void(const Variable& loss)>;

/// A shard of this rank. It has what its thread has while it computes on it: shards that wait for each other take
/// turns.
class Part final : public Shard {
 public:
  Part(const Task& task, const Cut& cut, Index number)
      : number(number),
        generator(default_generator()),
        variables_(task.variables),
        state_(thread_state),
        module_path_(module_path()),
        gradients_(variables_.size()),
        captured_(variables_.size()) {
    first = cut.row(number);
    rows = cut.row(number + 1) - first;
    batch = cut.rows;
    sync_batch_norm = task.options.sync_batch_norm;
    state_.reevaluating |= number > 0;  // what an evaluation moves along moves once
  }
  ~Part() {
    if (fiber_.over()) return;
    trade();
    fiber_.end();
    trade();
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  void go_on(const Task& task, Index before, Differentiate differentiate) {
    if (!started_) fiber_.start([this, &task, before, differentiate] { compute(task, before, differentiate); });
    started_ = true;
    trade();
    fiber_.go_on();
    trade();
    if (error_) std::rethrow_exception(error_);
  }
  bool over() const { return rows == 0 || (started_ && fiber_.over()); }
  bool waits() const { return started_ && !fiber_.over(); }
  /// The gradients, and the loss; nothing of no rows.
  std::vector<Tensor> take_sums() {
    if (rows > 0) gradients_.push_back(scalar(loss_, f64));
    return rows > 0 ? std::exchange(gradients_, std::vector<Tensor>(variables_.size())) : std::vector<Tensor>();
  }

  Tensor sum(Tensor part) override {
    if (part.dtype() != f64) throw DTypeError(text("Shard::sum: needs f64, got ", part.dtype()));
    given = std::move(part);
    fiber_.pause();
    return std::move(given);
  }

  const Index number;
  Tensor given;  // to a sum; then the sum
  Generator generator;

 private:
  void compute(const Task& task, Index before, Differentiate differentiate) {
    try {
      const Index begin = first - before, end = begin + rows;
      const double share = static_cast<double>(rows) / static_cast<double>(batch);
      const Variable mean = task.f(task.mine.inputs.slice(0, begin, end), task.mine.targets.slice(0, begin, end));
      if (!mean.defined()) throw std::logic_error("DataParallel: the function returned no loss");
      if (mean.numel() != 1)
        throw ShapeError(text("DataParallel: the loss of rows must have one element, got ", mean.shape()));
      loss_ = mean.item() * share;
      differentiate(rows == batch ? mean : mean * share);
    } catch (const Fiber::Ended&) {
      throw;
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  void trade() {
    const auto recorded = thread_state.recorded;
    std::swap(thread_state, state_);
    thread_state.recorded = recorded;
    std::swap(module_path(), module_path_);
    std::swap(default_generator(), generator);
    shard_ = Shard::enter(shard_);
    for (std::size_t k = 0; k < variables_.size(); ++k) {
      std::swap(variables_[k].node()->gradient, gradients_[k]);
      captured_[k] = std::exchange(variables_[k].node()->captured, captured_[k]);
    }
  }

  const std::vector<Variable>& variables_;
  ThreadState state_;
  std::string module_path_;
  Shard* shard_ = this;
  std::vector<Tensor> gradients_;
  std::vector<char> captured_;  // by a sweep
  double loss_ = 0.0;
  bool started_ = false;
  std::exception_ptr error_;
  Fiber fiber_;
};

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

std::vector<Tensor> sums(const Task& task, Differentiate differentiate) {
  Evaluation evaluation(task, cut_of(task));
  std::vector<Tensor> result = evaluation.run(differentiate);
  evaluation.settle();
  return result;
}

/// The loss's Hessian times a vector, of all variables one after the other in f64.
std::vector<Tensor> hessian_product(const Task& task, const Tensor& vector) {
  return sums(task, [&](const Variable& loss) {
    const std::vector<Variable> g = grad(loss, task.variables, {.create_graph = true, .allow_unused = true});
    Variable product = scalar(0.0, f64);
    Index at = 0;
    for (std::size_t k = 0; k < g.size(); ++k) {
      const Index begin = std::exchange(at, at + task.variables[k].numel());
      if (!g[k].defined()) continue;
      product = product + sum(g[k] * vector.slice(0, begin, at).reshape(g[k].shape()).to(g[k].dtype())).to(f64);
    }
    const std::vector<Variable> Hv = grad(product, task.variables, {.allow_unused = true});
    for (std::size_t k = 0; k < g.size(); ++k)
      if (Hv[k].defined()) task.variables[k].set_grad(Hv[k].value());
  });
}

/// While it lives, this thread may record as if it were not within a pullback.
class OutsideSweep {
 public:
  OutsideSweep() : saved_(thread_state) {
    thread_state.recording = true;
    thread_state.reading_since = ThreadState().reading_since;
    thread_state.pullback_of = nullptr;
  }
  ~OutsideSweep() {
    const auto recorded = std::exchange(thread_state, saved_).recorded;
    thread_state.recorded = recorded;
  }
  OutsideSweep(const OutsideSweep&) = delete;
  OutsideSweep& operator=(const OutsideSweep&) = delete;

 private:
  const ThreadState saved_;
};

/// Zeros, one for each element of all variables, whose derivatives are those of the gradients: the Hessian.
class Curvature {
 public:
  Curvature(const Task& task, const Generator& before) : task_(task), before_(before) {}

  /// Those of one variable; variables come in order. The last one is the end of it.
  static Variable of(const std::shared_ptr<Curvature>& all, std::size_t variable) {
    const std::vector<Variable>& variables = all->task_.variables;
    if (variable == all->first) all->zeros_ = record_zeros(all);
    Index begin = 0;
    for (std::size_t k = 0; k < variable; ++k) begin += variables[k].numel();
    const Variable& v = variables[variable];
    const Variable part = slice(all->zeros_, 0, begin, begin + v.numel()).reshape(v.shape()).to(v.dtype());
    if (variable == all->last) all->zeros_ = {};
    return part;
  }

  std::size_t first = 0, last = 0;  // variables that have a gradient

 private:
  static Variable record_zeros(const std::shared_ptr<Curvature>& all) {
    Index numel = 0;
    std::vector<Edge> edges;
    for (std::size_t k = 0; k < all->task_.variables.size(); ++k) {
      numel += all->task_.variables[k].numel();
      if (k < all->first || k > all->last) continue;
      edges.emplace_back(all->task_.variables[k], [all, k](const Variable& vector) {
        if (thread_state.recording)
          throw std::logic_error("DataParallel: a loss has first and second derivatives only");
        return all->product(vector.value(), k);
      });
    }
    return record("data_parallel", zeros({numel}, f64), edges);
  }

  /// Of one variable; all are computed with the first.
  Tensor product(const Tensor& vector, std::size_t variable) {
    if (variable == first) {
      const OutsideSweep outside;
      const Reevaluation again(before_);
      products_ = hessian_product(task_, vector);
    }
    const Variable& v = task_.variables[variable];
    return products_[variable].defined() ? std::move(products_[variable]) : ravine::zeros(v.shape(), v.dtype());
  }

  const Task& task_;
  const Generator before_;
  Variable zeros_;
  std::vector<Tensor> products_;
};

}  // namespace

Variable evaluate(const Task& task) {
  const auto curvature = std::make_shared<Curvature>(task, default_generator());
  std::vector<Tensor> all = sums(task, [](const Variable& loss) { loss.backward(); });
  std::vector<Edge> edges;
  for (std::size_t k = 0; k < task.variables.size(); ++k) {
    if (!all[k].defined()) continue;
    if (edges.empty()) curvature->first = k;
    curvature->last = k;
    edges.emplace_back(task.variables[k], [g = std::move(all[k]), curvature, k](auto dy) {
      if constexpr (std::is_same_v<decltype(dy), Tensor>)
        return dy.item() == 1.0 ? g : g * dy.item();
      else
        return (Variable(g) + Curvature::of(curvature, k)) * dy.item();
    });
  }
  return record("data_parallel", all.back().reshape({}), edges);
}

}  // namespace ravine::detail
