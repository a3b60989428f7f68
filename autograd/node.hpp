/// @file
/// What a recorded op is made of: a node with its value, and edges to its inputs, each with a pullback. Users meet
/// these through Variable and `record` only.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include <ravine/core/tensor.hpp>

namespace ravine {

class Variable;

namespace detail {

struct Node;

/// What an op's pullback is to the engine: a callable with what it captured, in a recycled block.
class Pullback {
 public:
  virtual ~Pullback() = default;
  /// dy: the gradient of the result y; dx: the gradients of the inputs. Every op in it can be recorded.
  virtual void run(Variable&& dy, const Variable& y, Variable* dx) = 0;
  /// The same on tensors, which is faster; false, and nothing done, if the callable is written for Variables.
  virtual bool run(Tensor&& dy, const Tensor& y, Tensor* dx) = 0;

  int size_class = 0;
};

/// The pullback of an op that has become part of the one before it, see `append`: the node keeps its result y, and a
/// gradient goes through it before it comes to the node's own pullbacks.
struct Epilogue {
  const char* op;
  Tensor (*of_tensors)(Tensor dy, const Tensor& y);
  Variable (*of_variables)(Variable dy, const Variable& y);
};

/// An edge as a node keeps it.
struct NodeEdge {
  Node* input = nullptr;         // holds one of its `holders`; null if it needs no gradient
  Pullback* pullback = nullptr;  // null as well for the later edges of a node whose pullback serves all
};

/// A variable's state, followed by its edges in the same block.
struct Node {
  explicit Node(Tensor&& result) : value(std::move(result)) {}

  RefCount handles;  // Variables
  RefCount holders;  // the Variables together hold one, and so does each edge into this node
  bool requires_grad = false;
  bool is_parameter = false;  // it has asked for a gradient as a leaf; if it does not now, it is frozen
  bool value_needed = false;  // a pullback of this node reads its value, or whoever looks at the graph
  bool joint = false;         // one pullback, on the first edge, serves all edges
  bool queued = false;        // by a running sweep
  bool captured = false;      // a running grad() asks for this node's gradient
  std::uint16_t size_class = 0;
  std::uint32_t edge_count = 0;
  std::uint64_t made_at = 0;  // on the write clock: values that an op saved must not be written later
  std::uint64_t order = 0;    // of recording, on the thread that did
  const char* op = "leaf";
  const Epilogue* epilogue = nullptr;
  Tensor value;
  Tensor gradient;                // accumulated by a sweep; a leaf's stays
  Node* gradient_node = nullptr;  // the same in a sweep that records itself

  bool is_leaf() const { return edge_count == 0; }
  NodeEdge* edges() { return reinterpret_cast<NodeEdge*>(this + 1); }
};

/// A joint pullback serves at most so many inputs.
inline constexpr std::size_t max_joint_inputs = 4;

Node* make_node(Tensor&& value, std::size_t edges = 0);
/// One Variable less.
void release_handle(Node* node) noexcept;
/// One holder less; frees the node with the last, and what it alone held, without recursion.
void release_holder(Node* node) noexcept;
void destroy(Pullback* pullback) noexcept;

/// What the thread is doing.
struct ThreadState {
  bool recording = true;
  bool anomaly = false;                             // DetectAnomaly is on
  bool reevaluating = false;                        // a Reevaluation lives
  bool finite_only = false;                         // a FiniteOnly lives
  bool keeping = false;                             // a KeepGraph lives
  std::uint64_t reading_since = ~std::uint64_t{0};  // inside a pullback: when its op was recorded
  std::uint64_t recorded = 0;                       // nodes so far
  const char* pullback_of = nullptr;                // inside a pullback: its op
};
[[gnu::tls_model("initial-exec")]] extern constinit thread_local ThreadState thread_state;

/// Under a KeepGraph: an input that needs no gradient, of the op that is recorded next.
void keep_input(const Variable& x);
/// What has been recorded with these edges; those without an input are of such ones.
void keep_inputs(Node* node, const NodeEdge* edges, std::size_t count);

/// How many Twins live, on any thread. While none does, copying a Variable costs one comparison more.
inline constinit std::atomic<int> twins_alive{0};
/// What a copy of a Variable with this node gets: the node, or its twin.
Node* node_for_copy(Node* node);

/// What a recorded result has for a gradient.
const Tensor& no_gradient();

/// Throws std::logic_error if the node is older than the pullback that runs, and its value was written since.
void check_unchanged(const Node* node);

}  // namespace detail
}  // namespace ravine
