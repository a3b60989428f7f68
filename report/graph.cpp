#include <ravine/report/graph.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include <ravine/autograd/grad.hpp>
#include <ravine/autograd/graph.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/utf8.hpp>
#include <ravine/report/program.hpp>
#include <ravine/report/style.hpp>

namespace ravine::report {

using detail::text;

namespace {

// A text in dot's HTML; other control characters are not allowed there.
std::string escaped(const std::string& label) {
  std::string result;
  for (const char c : detail::valid_utf8(label)) {
    if (c == '&' || c == '<' || c == '>' || c == '"')
      result += text("&#", static_cast<int>(c), ";");
    else if (c == '\n')
      result += "<br/>";
    else if (c == '\\')
      result += "\\&#8203;";  // with a space of no width, as \N would become the node's name
    else
      result += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  }
  return result;
}

std::string number(double value) {
  if (std::isnan(value)) return "nan";
  char digits[32];
  std::string result(digits, std::to_chars(digits, digits + sizeof digits, value, std::chars_format::general, 4).ptr);
  if (result[0] == '-') result.replace(0, 1, "−");
  return result;
}

// All elements, row by row, or the least and the greatest.
std::string elements(const Tensor& x) {
  if (!x.defined()) return "";
  const std::vector<double> all = x.to_vector<double>();
  if (all.empty()) return "no elements";
  const std::size_t columns = x.rank() > 0 ? static_cast<std::size_t>(x.size(-1)) : 1;
  if (all.size() > 12 || columns > 6) {
    const auto [least, most] = std::minmax_element(all.begin(), all.end());
    const bool failed = std::any_of(all.begin(), all.end(), [](double value) { return std::isnan(value); });
    return failed ? "nan among them" : number(*least) + " … " + number(*most);
  }
  std::string result;
  for (std::size_t k = 0; k < all.size(); ++k) {
    if (k > 0) result += k % columns == 0 ? "<br/>" : "&#160;&#160;";
    result += number(all[k]);
  }
  return result;
}

std::string row(const char* what, const std::string& content, const char* colour) {
  if (content.empty()) return "";
  return text("<tr><td align=\"right\"><font color=\"#707070\" point-size=\"10\">", what,
              "</font></td><td><font color=\"", colour, "\">", content, "</font></td></tr>");
}

std::string box(const GraphNode& node, const std::string& name, const Tensor& gradient) {
  const Variable& x = node.variable;
  const char* fill = node.op == "parameter" ? "#D6E6F2" : node.op == "constant" ? "#EFEFEF" : "#FFFFFF";
  const std::string head = name.empty() ? node.op : node.inputs.empty() ? name : name + " = " + node.op;
  const std::string shape = x.rank() > 0 ? text("<font color=\"#707070\"> ", x.shape(), "</font>") : "";
  return text(
      "<table border=\"1\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"4\" style=\"rounded\" "
      "color=\"#606060\" bgcolor=\"",
      fill, "\"><tr><td colspan=\"2\"><b>", escaped(head), "</b>", shape, "</td></tr>",
      row("value", elements(x.value()), "#006B4C"), row("gradient", elements(gradient), "#B54A00"), "</table>");
}

// d(output)/d(each node); undefined where there is none.
std::vector<Tensor> gradients_of(const Variable& output, const std::vector<GraphNode>& nodes) {
  std::vector<Tensor> gradients(nodes.size());
  if (output.numel() != 1 || !output.requires_grad()) return gradients;
  std::vector<Variable> variables;
  for (const GraphNode& node : nodes) variables.push_back(node.variable);
  const auto found = grad(output, variables, {.retain_graph = true, .allow_unused = true});
  for (std::size_t k = 0; k < nodes.size(); ++k)
    if (found[k].defined()) gradients[k] = found[k].value();
  return gradients;
}

std::vector<GraphNode> nodes_for(const Variable& output, const GraphOptions& options) {
  if (!output.defined()) throw std::invalid_argument("graph: the variable is undefined");
  if (options.max_nodes < 1)
    throw std::invalid_argument(text("graph: max_nodes must be positive, got ", options.max_nodes));
  try {
    return nodes_of(output, static_cast<std::size_t>(options.max_nodes));
  } catch (const std::length_error&) {
    throw std::invalid_argument(text("graph: there are more than ", options.max_nodes,
                                     " nodes, which nobody could read; draw a part, or set max_nodes"));
  }
}

}  // namespace

Graph graph(const Variable& output, const GraphOptions& options) {
  const std::vector<GraphNode> nodes = nodes_for(output, options);
  const std::vector<Tensor> gradients = gradients_of(output, nodes);
  std::string script =
      "digraph {\ngraph [rankdir=LR, nodesep=0.25, ranksep=0.45, bgcolor=\"#FFFFFF\", "
      "fontname=\"sans-serif\", fontsize=14, labelloc=t, label=<" +
      escaped(options.title) +
      ">]\nnode [shape=plain, fontname=\"sans-serif\", fontsize=12]\n"
      "edge [color=\"#606060\", arrowsize=0.6]\n";
  for (std::size_t k = 0; k < nodes.size(); ++k) {
    const auto named = std::find_if(options.names.begin(), options.names.end(),
                                    [&](const auto& name) { return name.second.node() == nodes[k].variable.node(); });
    const std::string name = named == options.names.end() ? "" : named->first;
    script += text("n", k, " [label=<", box(nodes[k], name, gradients[k]), ">]\n");
    for (const std::size_t input : nodes[k].inputs) script += text("n", input, " -> n", k, "\n");
  }
  return Graph(script + "}\n");
}

Graph graph(FunctionRef<Variable()> f, const GraphOptions& options) {
  const KeepGraph keep;
  return graph(f(), options);
}

void Graph::save(const std::string& path) const {
  for (const char* format : {"svg", "png", "pdf"})
    if (path.ends_with(text(".", format)))
      return detail::draw("Graph::save", path, "dot", {text("-T", format).c_str()}, script_);
  detail::refuse_ending("Graph::save", path);
}

}  // namespace ravine::report
