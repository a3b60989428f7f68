#include <ravine/autograd/engine.hpp>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/autograd/arithmetic.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::detail {
namespace {

/// Nodes to visit; the newest comes first. Each entry holds one of the node's holders.
class Queue {
 public:
  // The memory is lent by the thread, so that a training step does not allocate; a sweep within a sweep gets its own.
  Queue() : nodes_(std::move(spare())) { nodes_.clear(); }
  ~Queue() {
    for (Node* node : nodes_) abandon(node);
    nodes_.clear();
    spare() = std::move(nodes_);
  }
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;

  bool empty() const { return nodes_.empty(); }

  void push(Node* node) {
    node->queued = true;
    nodes_.push_back(node);
    if (nodes_.size() > 1) std::push_heap(nodes_.begin(), nodes_.end(), older);
  }

  Node* pop() {
    if (nodes_.size() > 1) std::pop_heap(nodes_.begin(), nodes_.end(), older);
    Node* node = nodes_.back();
    nodes_.pop_back();
    node->queued = false;
    return node;
  }

 private:
  static bool older(const Node* a, const Node* b) { return a->order < b->order; }
  static std::vector<Node*>& spare() {
    static thread_local std::vector<Node*> nodes;
    return nodes;
  }
  static void abandon(Node* node) {  // a pullback threw
    node->queued = false;
    node->gradient.release();
    if (node->gradient_node) release_handle(std::exchange(node->gradient_node, nullptr));
    release_holder(node);
  }

  std::vector<Node*> nodes_;
};

/// What a running sweep changes in the thread's state, and puts back.
class Scope {
 public:
  explicit Scope(bool recording) : saved_(thread_state) { thread_state.recording = recording; }
  ~Scope() {
    const auto recorded = thread_state.recorded;
    thread_state = saved_;
    thread_state.recorded = recorded;
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  static void enter(const Node* node) {
    thread_state.reading_since = node->made_at;
    thread_state.pullback_of = node->op;
    if (node->value_needed && node->value.written() > node->made_at) check_unchanged(node);
  }
  static void leave() {
    thread_state.reading_since = ~std::uint64_t{0};
    thread_state.pullback_of = nullptr;
  }

 private:
  ThreadState saved_;
};

void check_gradient(const Node* input, const Shape& shape, DType dtype) {
  if (shape != input->value.shape()) [[unlikely]]
    throw ShapeError(text(thread_state.pullback_of, ": its pullback returned a gradient of shape ", shape,
                          " for an input of shape ", input->value.shape()));
  if (dtype != input->value.dtype()) [[unlikely]]
    throw DTypeError(text(thread_state.pullback_of, ": its pullback returned a gradient of ", dtype,
                          " for an input of ", input->value.dtype()));
}

/// Gradients that are still to come to each leaf.
class Countdown {
 public:
  Countdown(Node* output, const LeafHook& complete) : complete_(complete) {
    std::vector<Node*> waiting = {output};
    std::unordered_set<const Node*> seen;
    while (!waiting.empty()) {
      Node* const node = waiting.back();
      waiting.pop_back();
      for (std::uint32_t k = 0; k < node->edge_count; ++k) {
        Node* const input = node->edges()[k].input;
        if (input && input->is_leaf())
          ++left_[input];
        else if (input && seen.insert(input).second)
          waiting.push_back(input);
      }
    }
  }

  void arrived(Node* node) {
    if (node->is_leaf() && --left_[node] == 0) complete_(node);
  }

 private:
  const LeafHook& complete_;
  std::unordered_map<const Node*, std::size_t> left_;
};

class Sweep {
 public:
  Sweep(std::span<const Variable> captures, bool create_graph, bool retain_graph, Countdown* countdown)
      : captures_(captures),
        results_(captures.size()),
        countdown_(countdown),
        create_graph_(create_graph),
        retain_graph_(retain_graph) {
    for (const Variable& v : captures_) {
      // What a leaf has accumulated so far is set aside; the sweep's own sum takes its place.
      saved_.push_back(v.node()->captured ? Tensor() : std::exchange(v.node()->gradient, Tensor()));
      v.node()->captured = true;
    }
  }
  ~Sweep() {
    for (std::size_t k = captures_.size(); k-- > 0;) {
      Node* node = captures_[k].node();
      node->captured = false;
      if (node->gradient_node) release_handle(std::exchange(node->gradient_node, nullptr));
      node->gradient = std::move(saved_[k]);
    }
  }
  Sweep(const Sweep&) = delete;
  Sweep& operator=(const Sweep&) = delete;

  std::vector<Variable> run(Node* output, Tensor seed) {
    if (create_graph_)
      accumulate(output, Variable(std::move(seed)));
    else
      accumulate(output, std::move(seed));
    if (!output->is_leaf()) {
      output->holders.increment();
      queue_.push(output);
    }
    while (!queue_.empty()) {
      const Visit visit(queue_.pop());
      if (visit.node->captured) capture(visit.node);
      Scope::enter(visit.node);
      create_graph_ ? visit_recorded(visit.node) : visit_plain(visit.node);
      Scope::leave();
    }
    for (const Variable& v : captures_)
      if (v.is_leaf()) capture(v.node());
    return std::move(results_);
  }

 private:
  /// Holds a node while it is visited.
  struct Visit {
    explicit Visit(Node* visited) : node(visited) {}
    ~Visit() {
      node->gradient.release();
      if (node->gradient_node) release_handle(std::exchange(node->gradient_node, nullptr));
      release_holder(node);
    }
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;
    Node* node;
  };

  void capture(Node* node) {
    for (std::size_t k = 0; k < captures_.size(); ++k) {
      if (captures_[k].node() != node) continue;
      if (node->gradient_node) {
        node->gradient_node->handles.increment();
        results_[k] = Variable::adopt(node->gradient_node);
      } else if (node->gradient.defined()) {
        results_[k] = Variable(node->gradient);
      }
    }
  }

  void visit_plain(Node* node) {
    refuse_freed(node);
    Tensor dy = std::move(node->gradient);
    if (node->epilogue) {
      dy = node->epilogue->of_tensors(std::move(dy), node->value);
      if (!retain_graph_ && node->handles.get() == 0) node->value.release();  // nobody else can ask for it
    }
    NodeEdge* const edges = node->edges();
    NodeEdge* const end = edges + node->edge_count;
    if (node->joint) {
      Tensor dx[max_joint_inputs];
      pull(*edges, give(dy, node), node, dx);
      for (NodeEdge* edge = edges; edge < end; ++edge)
        if (edge->input) deliver(*edge, std::move(dx[edge - edges]));
      return;
    }
    for (NodeEdge* edge = edges; edge < end; ++edge) {
      Tensor dx;
      pull(*edge, edge == end - 1 ? give(dy, node) : Tensor(dy), node, &dx);
      deliver(*edge, std::move(dx));
    }
  }

  /// The last pullback gets the gradient for itself and may work in its memory, unless it is asked for.
  static Tensor give(Tensor& dy, const Node* node) { return node->captured ? dy : std::move(dy); }

  /// Runs one pullback on tensors; one that is written for Variables gets constants.
  void pull(NodeEdge& edge, Tensor&& dy, Node* node, Tensor* dx) {
    if (!edge.pullback->run(std::move(dy), node->value, dx)) {
      Variable results[max_joint_inputs];
      edge.pullback->run(Variable(std::move(dy)), node->value_needed ? revive(node) : Variable(), results);
      for (std::size_t j = 0; j < max_joint_inputs; ++j)
        if (results[j].defined()) dx[j] = take_value(results[j]);
    }
    if (!retain_graph_) destroy(std::exchange(edge.pullback, nullptr));
  }

  void visit_recorded(Node* node) {
    refuse_freed(node);
    Variable dy = Variable::adopt(std::exchange(node->gradient_node, nullptr));
    const Variable y = revive(node);
    if (node->epilogue) dy = node->epilogue->of_variables(std::move(dy), y);
    for (std::uint32_t k = 0; k < node->edge_count; ++k) {
      NodeEdge& edge = node->edges()[k];
      if (!edge.pullback) break;  // a joint one was the first
      Variable dx[max_joint_inputs];
      edge.pullback->run(Variable(dy), y, dx);
      if (!retain_graph_) destroy(std::exchange(edge.pullback, nullptr));
      for (std::uint32_t j = 0; j < (node->joint ? node->edge_count : 1); ++j)
        if (node->edges()[k + j].input) deliver(node->edges()[k + j], std::move(dx[j]));
    }
  }

  /// Adds a gradient to an edge's input, which is visited later unless it is a leaf.
  template <class Gradient>
  void deliver(NodeEdge& edge, Gradient&& dx) {
    Node* input = edge.input;
    if (!dx.defined()) [[unlikely]]
      throw std::logic_error(text(thread_state.pullback_of, ": its pullback returned no gradient for an input"));
    check_gradient(input, dx.shape(), dx.dtype());
    if (thread_state.anomaly) [[unlikely]]
      check_delivered(dx);
    accumulate(input, std::move(dx));
    if (countdown_) [[unlikely]]
      countdown_->arrived(input);
    const bool visit_later = !input->is_leaf() && !input->queued;
    if (retain_graph_) {
      if (visit_later) input->holders.increment();
    } else {
      edge.input = nullptr;  // its hold goes to the queue, or is dropped
      if (!visit_later) release_holder(input);
    }
    if (visit_later) queue_.push(input);
  }
  static void check_delivered(const Tensor& dx) { check_result("gradient", dx); }
  static void check_delivered(const Variable& dx) { check_result("gradient", dx.value()); }

  /// A leaf that keeps nothing: nobody asked for it, or it was frozen after the graph was recorded.
  bool passes_by(const Node* node) const {
    return node->is_leaf() && !node->captured && (!captures_.empty() || !node->requires_grad);
  }

  void accumulate(Node* node, Tensor&& gradient) {
    if (passes_by(node)) return;
    if (node->gradient.defined()) {
      node->gradient = std::move(node->gradient) + std::move(gradient);
      if (thread_state.anomaly) [[unlikely]]
        check_result("sum of gradients", node->gradient);
    } else {
      // A parameter's gradient is its own: users may write into it.
      if (node->is_leaf() && !gradient.unique()) gradient = gradient.clone();
      if (node->is_leaf()) gradient.bytes();  // has them written
      node->gradient = std::move(gradient);
    }
  }

  void accumulate(Node* node, Variable&& gradient) {
    if (passes_by(node)) return;
    if (node->gradient_node)
      gradient = Variable::adopt(std::exchange(node->gradient_node, nullptr)) + std::move(gradient);
    node->gradient_node = gradient.let_go();
  }

  /// Pullbacks are used up in order: without the first one an earlier pass was here, even if it ended in an exception.
  static void refuse_freed(Node* node) {
    if (node->edges()->pullback && (!node->epilogue || node->value.defined())) [[likely]]
      return;
    throw std::logic_error(text("backward: the graph of ", thread_state.pullback_of,
                                " was freed by an earlier pass; ask that one to retain it"));
  }

  std::span<const Variable> captures_;
  std::vector<Tensor> saved_;
  std::vector<Variable> results_;
  Queue queue_;
  Countdown* const countdown_;
  bool create_graph_, retain_graph_;
};

}  // namespace

std::vector<Variable> sweep(const Variable& output, Tensor seed, std::span<const Variable> captures, bool create_graph,
                            bool retain_graph, const LeafHook* complete) {
  const FlushSubnormals flush;
  const Scope scope(create_graph);
  std::optional<Countdown> countdown;
  if (complete) countdown.emplace(output.node(), *complete);
  return Sweep(captures, create_graph, retain_graph, countdown ? &*countdown : nullptr)
      .run(output.node(), std::move(seed));
}

static void backward(const Variable& loss, bool retain_graph, const LeafHook* complete) {
  if (loss.numel() != 1) throw std::logic_error(text("backward: needs a scalar, got ", loss.shape()));
  if (finite_only()) [[unlikely]]
    check_loss(loss.value());
  if (!loss.requires_grad())
    throw std::logic_error("backward: the value depends on no parameter, or was computed without recording");
  sweep(loss, ones_like(loss.value()), {}, false, retain_graph, complete);
}

void backward(const Variable& loss, const LeafHook* complete) { backward(loss, false, complete); }

}  // namespace ravine::detail

namespace ravine {

void Variable::backward(bool retain_graph) const { detail::backward(*this, retain_graph, nullptr); }

}  // namespace ravine
