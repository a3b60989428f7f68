/// @file
/// A look at the graph that was recorded: its nodes, and from which others each was computed.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <ravine/autograd/variable.hpp>

namespace ravine {

/// While it lives, results of ops on this thread keep their values though no Variable holds them any more, and inputs
/// that need no gradient are remembered, so that `nodes_of` sees all of a computation; relu is an op of its own. Takes
/// memory; off, it costs nothing.
class KeepGraph {
 public:
  KeepGraph();
  ~KeepGraph();
  KeepGraph(const KeepGraph&) = delete;
  KeepGraph& operator=(const KeepGraph&) = delete;
};

/// A parameter, a constant or the result of an op.
struct GraphNode {
  /// Where the value was given up, as it is of results that no Variable held, `value().defined()` is false; the shape
  /// is still right.
  Variable variable;
  std::string op;  ///< "parameter", "constant", or as it was recorded: "mul"; "linear, relu" for two that became one
  std::vector<std::size_t> inputs;  ///< their places in the list; twice for one that was used twice
};

/// All nodes that a variable was computed from, each once, and itself: parameters and constants first, then results in
/// the order of recording, so that the variable is the last. Constants appear only where they were kept by a KeepGraph
/// that still lives. The nodes hold the graph. Throws std::invalid_argument for an undefined variable,
/// std::logic_error if the graph was freed by a backward pass, std::length_error if it has more than `most` nodes.
std::vector<GraphNode> nodes_of(const Variable& output, std::size_t most = 100000);

}  // namespace ravine
