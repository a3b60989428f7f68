/// @file
/// Pictures of small computations: ops, values, and gradients as they flow back. They are drawn by the program dot of
/// Graphviz, which must be installed where a picture is saved.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/function_ref.hpp>

namespace ravine::report {

struct GraphOptions {
  std::string title = "";
  /// What variables are called: `{{"x", x}, {"y", y}}`, or `model.named_parameters()`.
  std::vector<std::pair<std::string, Variable>> names = {};
  int max_nodes = 200;  ///< a larger graph is refused, as nobody could read it
};

/// The picture of a graph, made by `graph`.
class Graph {
 public:
  /// Draws it as .svg, .png or .pdf, whichever the path ends in. The file appears complete or not at all. Throws
  /// std::invalid_argument for another ending, FileError if the file cannot be written, std::runtime_error if dot is
  /// not installed or fails.
  void save(const std::string& path) const;

 private:
  explicit Graph(std::string script) : script_(std::move(script)) {}
  friend Graph graph(const Variable& output, const GraphOptions& options);
  std::string script_;
};

/// The graph that a variable was computed by, from the left to the right. A box for each parameter, constant and result
/// has its name, the op, the shape unless it is a number, its value and d(output)/d(itself); of larger tensors the
/// least and the greatest element. Gradients are there if output is a single number; none is accumulated anywhere, and
/// the graph is kept for a backward pass.
///
/// Values of results that no Variable holds any more, and inputs that need no gradient, are there if they were kept: by
/// a KeepGraph that still lives, or by passing the computation itself,
///
///     report::graph([&] { return mse_loss(model(x), y); }, {.names = model.named_parameters()}).save("loss.svg");
///
/// Throws std::invalid_argument for an undefined variable, for max_nodes below 1 and for more nodes than that,
/// std::logic_error if the graph was freed by a backward pass.
Graph graph(const Variable& output, const GraphOptions& options = {});
/// The graph of what a function returns.
Graph graph(FunctionRef<Variable()> f, const GraphOptions& options = {});

}  // namespace ravine::report
