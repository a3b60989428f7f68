/// @file
/// Variables: tensors that remember the op that made them, so that a result can be differentiated.
#pragma once

#include <array>
#include <span>
#include <utility>

#include <ravine/autograd/node.hpp>

namespace ravine {

/// A handle to a value in a dynamic graph: a Tensor, its gradient, whether it asks for one, and the op that made it.
///
/// A Tensor converts to a constant Variable by itself. Copies are the same variable. A graph belongs to the thread that
/// records it; values may be read from several threads.
class Variable {
 public:
  /// No value: `defined()` is false and nothing but assignment may be asked of it.
  Variable() = default;
  /// A constant.
  Variable(Tensor value) : node_(detail::make_node(std::move(value))) {}

  [[gnu::always_inline]] Variable(const Variable& other) : node_(other.node_) {
    if (detail::twins_alive.load(std::memory_order_relaxed) != 0) [[unlikely]]
      node_ = detail::node_for_copy(node_);
    if (node_) node_->handles.increment();
  }
  Variable(Variable&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  Variable& operator=(Variable other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~Variable() {
    if (node_) detail::release_handle(node_);
  }

  bool defined() const { return node_ != nullptr; }
  /// The value. Inside a pullback, throws std::logic_error if it was written after the op was recorded.
  const Tensor& value() const {
    if (node_->value.written() > detail::thread_state.reading_since) [[unlikely]]
      detail::check_unchanged(node_);
    return node_->value;
  }
  const Shape& shape() const { return node_->value.shape(); }
  Index size(Index dim) const { return node_->value.size(dim); }
  int rank() const { return shape().rank(); }
  Index numel() const { return shape().numel(); }
  DType dtype() const { return node_->value.dtype(); }
  /// The value of a variable of one element, in double or in T. Throws ShapeError.
  template <class T = double>
  T item() const {
    return value().item<T>();
  }

  /// True for parameters and for what was computed from them while recording.
  bool requires_grad() const { return node_->requires_grad; }
  /// Freezes a parameter, or has a leaf ask for a gradient. What is frozen loses its gradient, and optimizers leave it
  /// alone. Throws std::logic_error for a recorded result, DTypeError for an integer tensor.
  void set_requires_grad(bool wanted) const;
  /// True if no recorded op made it: parameters and constants.
  bool is_leaf() const { return node_->is_leaf(); }
  /// The gradient that `backward` has accumulated in a parameter; an empty tensor (`defined()` is false) before, and of
  /// a recorded result, whose gradient `grad` gives.
  const Tensor& grad() const { return is_leaf() ? node_->gradient : detail::no_gradient(); }
  /// Replaces the gradient of a leaf; an empty tensor removes it. Throws std::logic_error for a recorded result,
  /// ShapeError, DTypeError if it does not fit the value.
  void set_grad(Tensor gradient) const;
  void zero_grad() const { node_->gradient = Tensor(); }
  /// Replaces the value of a leaf, whose other handles see it; a change of dtype drops the gradient. Throws
  /// std::logic_error for a recorded result.
  void set_value(Tensor value) const;

  /// Adds d(this)/d(parameter) to the gradient of every parameter this was computed from, and frees the graph on the
  /// way unless it is retained. Subnormal numbers, below 1.2e-38 in f32 and 2.2e-308 in f64, count as zero in this
  /// pass, as they do in `grad` and in an optimizer's step. Throws std::logic_error if this has more than one element,
  /// depends on no parameter, or its graph was freed before.
  void backward(bool retain_graph = false) const;
  /// The same value as a constant.
  Variable detach() const { return Variable(value()); }

  Variable operator[](Index i) const;
  Variable slice(Index dim, Index begin, Index end) const;
  Variable reshape(const Shape& shape) const;
  /// The value in another type; a constant if that is an integer one. See Tensor::to.
  Variable to(DType dtype) const;

  // For the engine and the ops.

  detail::Node* node() const { return node_; }
  /// A handle to a node, taking over one of its handles.
  static Variable adopt(detail::Node* node) {
    Variable v;
    v.node_ = node;
    return v;
  }
  detail::Node* let_go() { return std::exchange(node_, nullptr); }

 private:
  detail::Node* node_ = nullptr;
};

/// A leaf that asks for a gradient. Throws DTypeError for an integer tensor.
Variable parameter(Tensor value);

/// The value as a Tensor prints, and where it comes from: "[1, 2] (2) f32, parameter" or "…, from matmul"; nothing more
/// for a constant.
std::ostream& operator<<(std::ostream& out, const Variable& v);

/// While it lives, this thread records nothing: results are constants.
class NoGrad {
 public:
  NoGrad() : saved_(std::exchange(detail::thread_state.recording, false)) {}
  ~NoGrad() { detail::thread_state.recording = saved_; }
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool saved_;
};

/// What a pullback captured, as it needs it: a pullback `[w](auto dy) { return matmul(dy, like(dy, w)); }` runs on
/// Tensors in an ordinary backward pass and on Variables when that pass is recorded.
inline const Tensor& like(const Tensor&, const Variable& v) { return v.value(); }
inline const Variable& like(const Variable&, const Variable& v) { return v; }

namespace detail {

template <class F, class T>
decltype(auto) call_pullback(F& f, T&& dy, const std::decay_t<T>& y) {
  if constexpr (std::is_invocable_v<F&, T&&>)
    return f(std::forward<T>(dy));
  else
    return f(std::forward<T>(dy), y);
}

template <class T>
void store(T* dx, T&& result) {
  *dx = std::move(result);
}
template <class T, std::size_t n>
void store(T* dx, std::array<T, n>&& results) {
  for (std::size_t k = 0; k < n; ++k) dx[k] = std::move(results[k]);
}

template <class R>
inline constexpr bool gives_variables = std::is_same_v<R, Variable>;
template <std::size_t n>
inline constexpr bool gives_variables<std::array<Variable, n>> = true;

template <class F>
class PullbackOf final : public Pullback {
 public:
  explicit PullbackOf(F&& f) : f_(std::move(f)) {}

  void run(Variable&& dy, const Variable& y, Variable* dx) override {
    using R = std::decay_t<decltype(call_pullback(f_, std::move(dy), y))>;
    if constexpr (std::is_same_v<R, Tensor>)
      *dx = Variable(call_pullback(f_, std::move(dy), y));
    else
      store(dx, call_pullback(f_, std::move(dy), y));
  }

  bool run(Tensor&& dy, const Tensor& y, Tensor* dx) override {
    // A Tensor converts to a Variable, so a callable for Variables can be called as well: ask what comes back.
    using R = std::decay_t<decltype(call_pullback(f_, std::move(dy), y))>;
    if constexpr (gives_variables<R>) {
      return false;
    } else {
      store(dx, call_pullback(f_, std::move(dy), y));
      return true;
    }
  }

 private:
  F f_;
};

template <class F>
Pullback* make_pullback(F f) {
  constexpr int c = size_class(sizeof(PullbackOf<F>));
  auto* pullback = new (take_block(c)) PullbackOf<F>(std::move(f));
  pullback->size_class = c;
  return pullback;
}

/// True if the pullback takes the result as a second argument, which must then be kept for it.
template <class F>
inline constexpr bool needs_result = !std::is_invocable_v<std::decay_t<F>&, Variable&&>;

/// True if an op with these inputs is to be recorded for this one.
inline bool wants_gradient(const Variable& x) { return thread_state.recording && x.requires_grad(); }

/// The same as an op asks when it is recorded.
inline bool needs_edge(const Variable& x) {
  const bool needed = wants_gradient(x);
  if (thread_state.keeping && !needed) [[unlikely]]
    keep_input(x);
  return needed;
}

}  // namespace detail

/// One input of an op and how its gradient follows from the result's: `{x, [b](auto dy) { return dy * like(dy, b); }}`.
///
/// The pullback takes the gradient dy of the result, or (dy, y) if it reads the result y, and returns the gradient of
/// x, of x's shape. It captures by value what else it needs. Written for Variables, or for both types with `auto` and
/// `like`. Where x needs no gradient, nothing is kept.
class Edge {
 public:
  template <class F>
  Edge(const Variable& x, F&& pullback) : needs_result_(detail::needs_result<F>) {
    if (!detail::needs_edge(x)) return;
    edge_.pullback = detail::make_pullback(std::decay_t<F>(std::forward<F>(pullback)));
    edge_.input = x.node();
    edge_.input->holders.increment();
  }
  Edge(Edge&& other) noexcept : edge_(std::exchange(other.edge_, {})), needs_result_(other.needs_result_) {}
  Edge& operator=(Edge&&) = delete;
  ~Edge() {
    if (edge_.pullback) detail::destroy(edge_.pullback);
    if (edge_.input) detail::release_holder(edge_.input);
  }

  bool needed() const { return edge_.input != nullptr; }
  bool needs_result() const { return needs_result_; }
  detail::NodeEdge let_go() { return std::exchange(edge_, {}); }

 private:
  detail::NodeEdge edge_;
  bool needs_result_;
};

/// An input of an op whose pullback returns all gradients at once.
struct Input {
  Input(const Variable& x) : variable(&x) {}
  const Variable* variable;
};

namespace detail {

/// Takes over the edges. needs_result: a pullback reads the value; joint: the first edge's pullback serves all.
Variable record(const char* op, Tensor&& value, NodeEdge* edges, std::size_t count, bool needs_result, bool joint);

/// AnomalyError if DetectAnomaly is on and the value holds a NaN or an infinity.
void check_result(const char* op, const Tensor& value);

inline Variable record_separate(const char* op, Tensor&& value, Edge* edges, NodeEdge* own, std::size_t count) {
  if (thread_state.anomaly) [[unlikely]]
    check_result(op, value);
  bool needs_result = false;
  for (std::size_t k = 0; k < count; ++k) {
    needs_result |= edges[k].needed() && edges[k].needs_result();
    own[k] = edges[k].let_go();
  }
  return record(op, std::move(value), own, count, needs_result, false);
}

}  // namespace detail

/// A new op: its name, its value, and an edge for each input. See Edge. Throws AnomalyError under DetectAnomaly.
template <std::size_t n>
Variable record(const char* op, Tensor value, Edge (&&edges)[n]) {
  detail::NodeEdge own[n];
  return detail::record_separate(op, std::move(value), edges, own, n);
}
/// The same for a number of inputs known at run time. Takes over the edges.
Variable record(const char* op, Tensor value, std::span<Edge> edges);

/// The same where the gradients share work: one pullback returns a std::array of them, in the order of the inputs; one
/// that its input does not need may stay empty.
template <std::size_t n, class F>
Variable record(const char* op, Tensor value, Input (&&inputs)[n], F&& pullback) {
  static_assert(n <= detail::max_joint_inputs);
  if (detail::thread_state.anomaly) [[unlikely]]
    detail::check_result(op, value);
  detail::NodeEdge edges[n];
  bool any = false;
  for (std::size_t k = 0; k < n; ++k)
    if (detail::needs_edge(*inputs[k].variable)) {
      edges[k].input = inputs[k].variable->node();
      edges[k].input->holders.increment();
      any = true;
    }
  if (any) edges[0].pullback = detail::make_pullback(std::decay_t<F>(std::forward<F>(pullback)));
  return detail::record(op, std::move(value), edges, any ? n : 0, detail::needs_result<F>, true);
}

namespace detail {

/// True if nobody else can read the value: one Variable holds it, and no pullback of its own needs it.
inline bool is_temporary(const Node* node) {
  return node->handles.get() == 1 && !node->value_needed && (!node->requires_grad || !node->is_leaf());
}

/// x's value, to be worked in if x is a temporary.
inline Tensor take_value(Variable& x) {
  if (!is_temporary(x.node())) return x.value();
  return std::move(x.node()->value);
}

/// Makes an op that works in x's memory part of the one that made x, if neither a program nor another op can tell: this
/// is x's only Variable, no edge leads to it, nobody else holds its memory or has written into it, and anomalies are
/// not to be told apart either. False, and nothing done, otherwise.
inline bool append(const Variable& x, Tensor (*op)(Tensor), const Epilogue& epilogue) {
  Node* const node = x.node();
  if (!wants_gradient(x) || !is_temporary(node) || node->holders.get() != 1 || !node->value.unique() ||
      node->value.written() > node->made_at || thread_state.anomaly)
    return false;
  node->value = op(std::move(node->value));
  node->epilogue = &epilogue;
  node->value_needed = true;
  return true;
}

}  // namespace detail
}  // namespace ravine
