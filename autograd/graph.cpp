#include <ravine/autograd/graph.hpp>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <unordered_map>
#include <unordered_set>

#include <ravine/autograd/engine.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace detail {
namespace {

struct Kept {
  int guards = 0;
  std::vector<Variable> waiting;                                                  // for the op that they are inputs of
  std::map<std::pair<const Node*, std::uint64_t>, std::vector<Variable>> inputs;  // with the order: nodes are recycled
};

Kept& kept() {
  static thread_local Kept all;
  return all;
}

std::vector<Node*> inputs_of(Node* node) {
  std::vector<Node*> inputs;
  const auto found = kept().inputs.find({node, node->order});
  if (found != kept().inputs.end()) {
    for (const Variable& x : found->second) inputs.push_back(x.node());
  } else {
    for (std::uint32_t k = 0; k < node->edge_count; ++k)
      if (node->edges()[k].input) inputs.push_back(node->edges()[k].input);
  }
  return inputs;
}

void refuse_freed(Node* node) {
  if (node->is_leaf() || node->edges()->pullback) return;
  throw std::logic_error(text("nodes_of: the graph of ", node->op,
                              " was freed by a backward pass; ask that one to retain it, or look before"));
}

/// The results of ops among what output was computed from, in the order of recording.
std::vector<Node*> results_before(Node* output, std::size_t most) {
  std::vector<Node*> results, waiting = {output};
  std::unordered_set<const Node*> seen = {output};
  while (!waiting.empty()) {
    Node* const node = waiting.back();
    waiting.pop_back();
    refuse_freed(node);
    if (!node->is_leaf()) results.push_back(node);
    for (Node* const input : inputs_of(node))
      if (seen.insert(input).second) waiting.push_back(input);
    if (seen.size() > most) throw std::length_error(text("nodes_of: the graph has more than ", most, " nodes"));
  }
  std::sort(results.begin(), results.end(), [](const Node* a, const Node* b) { return a->order < b->order; });
  return results;
}

std::string op_of(const Node* node) {
  if (node->is_leaf()) return node->requires_grad ? "parameter" : "constant";
  return node->epilogue ? text(node->op, ", ", node->epilogue->op) : node->op;
}

}  // namespace

void keep_input(const Variable& x) { kept().waiting.push_back(x); }

void keep_inputs(Node* node, const NodeEdge* edges, std::size_t count) {
  std::vector<Variable> waiting = std::exchange(kept().waiting, {});
  if (node->is_leaf()) return;
  std::vector<Variable>& inputs = kept().inputs[{node, node->order}];
  const auto without_gradient = std::count_if(edges, edges + count, [](const NodeEdge& edge) { return !edge.input; });
  // Those before the last ones are of an op that failed.
  auto next = waiting.end() - std::min(without_gradient, waiting.end() - waiting.begin());
  for (std::size_t k = 0; k < count; ++k) {
    if (edges[k].input)
      inputs.push_back(revive(edges[k].input));
    else if (next != waiting.end())
      inputs.push_back(*next++);
  }
}

}  // namespace detail

KeepGraph::KeepGraph() {
  ++detail::kept().guards;
  detail::thread_state.keeping = true;
}

KeepGraph::~KeepGraph() {
  if (--detail::kept().guards > 0) return;
  detail::thread_state.keeping = false;
  detail::kept() = {};
}

std::vector<GraphNode> nodes_of(const Variable& output, std::size_t most) {
  if (!output.defined()) throw std::invalid_argument("nodes_of: the variable is undefined");
  const std::vector<detail::Node*> results = detail::results_before(output.node(), most);
  std::vector<detail::Node*> order;
  std::unordered_map<const detail::Node*, std::size_t> places;
  const auto place = [&](detail::Node* node) {
    if (places.emplace(node, order.size()).second) order.push_back(node);
  };
  for (detail::Node* const node : results)
    for (detail::Node* const input : detail::inputs_of(node))
      if (input->is_leaf()) place(input);
  for (detail::Node* const node : results) place(node);
  place(output.node());

  std::vector<GraphNode> nodes;
  for (detail::Node* const node : order) {
    nodes.push_back({detail::revive(node), detail::op_of(node), {}});
    for (detail::Node* const input : detail::inputs_of(node)) nodes.back().inputs.push_back(places.at(input));
  }
  return nodes;
}

}  // namespace ravine
