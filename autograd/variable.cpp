#include <ravine/autograd/variable.hpp>

#include <new>
#include <ostream>
#include <vector>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/autograd/twins.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace detail {

constinit thread_local ThreadState thread_state;

void check_unchanged(const Node* node) {
  if (node->made_at > thread_state.reading_since) return;  // the pullback itself made it
  throw std::logic_error(text(thread_state.pullback_of ? thread_state.pullback_of : "backward",
                              ": an input changed after the forward pass; its gradient would be wrong"));
}

const Tensor& no_gradient() {
  static const Tensor none;
  return none;
}

constinit thread_local Twins* Twins::current_ = nullptr;

Twins::Twins() : outer_(std::exchange(current_, this)) { twins_alive.fetch_add(1, std::memory_order_relaxed); }

Twins::~Twins() {
  twins_alive.fetch_sub(1, std::memory_order_relaxed);
  current_ = outer_;
}

void Twins::add(const Variable& original) {
  const Node* node = original.node();
  if (twins_.contains(node)) return;
  Variable twin(node->value.clone());
  twin.node()->requires_grad = node->requires_grad;
  twin.node()->is_parameter = node->is_parameter;
  twins_.emplace(node, std::move(twin));
}

Node* node_for_copy(Node* node) {
  const Twins* twins = Twins::current_;
  if (!twins) return node;
  const auto found = twins->twins_.find(node);
  return found == twins->twins_.end() ? node : found->second.node();
}

Node* make_node(Tensor&& value, std::size_t edges) {
  const int c = size_class(sizeof(Node) + edges * sizeof(NodeEdge));
  Node* node = new (take_block(c)) Node(std::move(value));
  node->size_class = static_cast<std::uint16_t>(c);
  node->value_needed = thread_state.keeping;
  node->made_at = write_clock();
  return node;
}

void destroy(Pullback* pullback) noexcept {
  const int c = pullback->size_class;
  pullback->~Pullback();
  give_block(pullback, c);
}

// Apart from release_handle, which then needs no stack.
[[gnu::noinline]] static void release_last_handle(Node* node) noexcept {
  // Nobody can ask for the value any more, except a pullback of its own.
  if (!node->is_leaf() && !node->value_needed) node->value.release();
  release_holder(node);
}

void release_handle(Node* node) noexcept {
  if (node->handles.decrement()) release_last_handle(node);
}

// Nodes that nobody holds wait in a list, linked through gradient_node, so that freeing a deep graph does not recurse.
void release_holder(Node* node) noexcept {
  [[gnu::tls_model("initial-exec")]] constinit static thread_local Node* dead = nullptr;
  [[gnu::tls_model("initial-exec")]] constinit static thread_local bool freeing = false;
  if (!node->holders.decrement()) return;
  if (node->gradient_node) release_handle(std::exchange(node->gradient_node, nullptr));
  node->gradient_node = dead;
  dead = node;
  if (freeing) return;
  freeing = true;
  while (Node* next = dead) {
    dead = std::exchange(next->gradient_node, nullptr);
    for (std::uint32_t k = 0; k < next->edge_count; ++k) {
      const NodeEdge& edge = next->edges()[k];
      if (edge.pullback) destroy(edge.pullback);
      if (edge.input) release_holder(edge.input);
    }
    const int c = next->size_class;
    next->~Node();
    give_block(next, c);
  }
  freeing = false;
}

Variable record(const char* op, Tensor&& value, NodeEdge* edges, std::size_t count, bool needs_result, bool joint) {
  bool any = false;
  for (std::size_t k = 0; k < count; ++k) any |= edges[k].input != nullptr;
  Node* node = make_node(std::move(value), any ? count : 0);
  if (any) {
    node->requires_grad = true;
    node->value_needed |= needs_result;
    node->joint = joint;
    node->op = thread_state.anomaly ? with_module_path(op) : op;
    node->order = ++thread_state.recorded;
    for (std::size_t k = 0; k < count; ++k)
      if (joint || edges[k].input) new (node->edges() + node->edge_count++) NodeEdge(edges[k]);
  }
  if (thread_state.keeping) [[unlikely]]
    keep_inputs(node, edges, count);
  return Variable::adopt(node);
}

Variable revive(Node* node) {
  if (node->handles.get() == 0) {
    node->handles.set(1);
    node->holders.increment();
  } else {
    node->handles.increment();
  }
  return Variable::adopt(node);
}

}  // namespace detail

Variable record(const char* op, Tensor value, std::span<Edge> edges) {
  std::vector<detail::NodeEdge> own(edges.size());
  return detail::record_separate(op, std::move(value), edges.data(), own.data(), edges.size());
}

void Variable::set_grad(Tensor gradient) const {
  if (!is_leaf()) throw std::logic_error(detail::text("set_grad: this is the result of ", node_->op, ", not a leaf"));
  if (gradient.defined()) {
    if (gradient.shape() != shape())
      throw ShapeError(detail::text("set_grad: a gradient of shape ", gradient.shape(), " for a value of ", shape()));
    if (gradient.dtype() != dtype())
      throw DTypeError(detail::text("set_grad: a gradient of ", gradient.dtype(), " for a value of ", dtype()));
  }
  node_->gradient = std::move(gradient);
}

void Variable::set_value(Tensor value) const {
  if (!is_leaf()) throw std::logic_error(detail::text("set_value: this is the result of ", node_->op, ", not a leaf"));
  if (requires_grad()) detail::check_floating("set_value", value);
  if (value.dtype() != dtype() || value.shape() != shape()) zero_grad();
  value.mark_written(detail::advance_write_clock());
  node_->value = std::move(value);
}

void Variable::set_requires_grad(bool wanted) const {
  if (!is_leaf())
    throw std::logic_error(detail::text("set_requires_grad: this is the result of ", node_->op, ", not a leaf"));
  if (wanted) detail::check_floating("set_requires_grad", value());
  node_->requires_grad = wanted;
  node_->is_parameter |= wanted;
  if (!wanted) zero_grad();
}

std::ostream& operator<<(std::ostream& out, const Variable& v) {
  if (!v.defined()) return out << "undefined";
  out << v.node()->value;
  if (!v.requires_grad()) return out;
  return v.is_leaf() ? out << ", parameter" : out << ", from " << v.node()->op;
}

Variable parameter(Tensor value) {
  detail::check_floating("parameter", value);
  Variable v(std::move(value));
  v.node()->requires_grad = v.node()->is_parameter = true;
  return v;
}

}  // namespace ravine
