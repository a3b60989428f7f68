#include <ravine/train/onnx.hpp>

#include <cmath>
#include <limits>
#include <numbers>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>
#include <ravine/nn/mode.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/train/onnx_graph.hpp>

namespace ravine::train {
namespace {

using detail::OnnxGraph;
using detail::text;
using std::string;

// What a layer makes of the value x: from each of these, the name of its result. Softplus, ELU and the normalizations
// stand in their parts, since onnxruntime has no f64 of some, or since an operator of their own is younger than set 17.

string add(OnnxGraph& graph, const nn::Linear& layer, const string& x) {
  const string weight = graph.node("Transpose", {graph.tensor("weight", layer.weight.value())},
                                   {OnnxGraph::attribute("perm", std::vector<Index>{1, 0})});
  const string product = graph.node("MatMul", {x, weight});
  return layer.bias.defined() ? graph.node("Add", {product, graph.tensor("bias", layer.bias.value())}) : product;
}

string add(OnnxGraph& graph, const nn::Embedding& layer, const string& x) {
  return graph.node("Gather", {graph.tensor("weight", layer.weight.value()), x});
}

string add(OnnxGraph& graph, const nn::BatchNorm1d& layer, const string& x) {
  const Tensor mean = layer.running_mean.value(), variance = layer.running_var.value();
  const Tensor weight = layer.weight.defined() ? layer.weight.value() : ones(mean.shape(), mean.dtype());
  const Tensor bias = layer.bias.defined() ? layer.bias.value() : zeros(mean.shape(), mean.dtype());
  return graph.node("BatchNormalization",
                    {x, graph.tensor("weight", weight), graph.tensor("bias", bias), graph.tensor("running_mean", mean),
                     graph.tensor("running_var", variance)},
                    {OnnxGraph::attribute("epsilon", layer.options.eps)});
}

/// The mean over the last dimensions, so many, which stay as ones.
string mean_of_last(OnnxGraph& graph, const string& x, int dims) {
  std::vector<Index> axes;
  for (int d = dims; d > 0; --d) axes.push_back(-d);
  return graph.node("ReduceMean", {x}, {OnnxGraph::attribute("axes", axes)});
}

/// x / √(the mean of x² + eps)
string over_root_mean_square(OnnxGraph& graph, const string& x, int dims, double eps) {
  const string square = mean_of_last(graph, graph.node("Mul", {x, x}), dims);
  return graph.node("Div", {x, graph.node("Sqrt", {graph.node("Add", square, eps)})});
}

/// x weight + bias, of which either may be missing.
string scale_and_shift(OnnxGraph& graph, string x, const Variable& weight, const Variable& bias) {
  if (weight.defined()) x = graph.node("Mul", {x, graph.tensor("weight", weight.value())});
  if (bias.defined()) x = graph.node("Add", {x, graph.tensor("bias", bias.value())});
  return x;
}

string add(OnnxGraph& graph, const nn::LayerNorm& layer, const string& x) {
  const int dims = layer.normalized.rank();
  const string centred = graph.node("Sub", {x, mean_of_last(graph, x, dims)});
  return scale_and_shift(graph, over_root_mean_square(graph, centred, dims, layer.eps), layer.weight, layer.bias);
}

string add(OnnxGraph& graph, const nn::RMSNorm& layer, const string& x) {
  const double eps =
      graph.floats() == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  const string y = over_root_mean_square(graph, x, layer.normalized.rank(), layer.eps.value_or(eps));
  return scale_and_shift(graph, y, layer.weight, {});
}

string add(OnnxGraph& /*graph*/, const nn::Dropout& /*layer*/, const string& x) { return x; }
string add(OnnxGraph& /*graph*/, const nn::Identity& /*layer*/, const string& x) { return x; }
string add(OnnxGraph& graph, const nn::Flatten& /*layer*/, const string& x) { return graph.node("Flatten", {x}); }
string add(OnnxGraph& graph, const nn::ReLU& /*layer*/, const string& x) { return graph.node("Relu", {x}); }
string add(OnnxGraph& graph, const nn::Tanh& /*layer*/, const string& x) { return graph.node("Tanh", {x}); }
string add(OnnxGraph& graph, const nn::Sigmoid& /*layer*/, const string& x) { return graph.node("Sigmoid", {x}); }

string add(OnnxGraph& graph, const nn::LeakyReLU& layer, const string& x) {
  return graph.node("LeakyRelu", {x}, {OnnxGraph::attribute("alpha", layer.slope)});
}

string add(OnnxGraph& graph, const nn::Softmax& layer, const string& x) {
  return graph.node("Softmax", {x}, {OnnxGraph::attribute("axis", layer.dim)});
}

string add(OnnxGraph& graph, const nn::LogSoftmax& layer, const string& x) {
  return graph.node("LogSoftmax", {x}, {OnnxGraph::attribute("axis", layer.dim)});
}

string add(OnnxGraph& graph, const nn::SiLU& /*layer*/, const string& x) {
  return graph.node("Mul", {x, graph.node("Sigmoid", {x})});
}

/// max(x, 0) + alpha (exp(min(x, 0)) - 1)
string add(OnnxGraph& graph, const nn::ELU& layer, const string& x) {
  const string below = graph.node("Sub", graph.node("Exp", {graph.node("Min", x, 0.0)}), 1.0);
  return graph.node("Add", {graph.node("Relu", {x}), graph.node("Mul", below, layer.alpha)});
}

/// (max(u, 0) + log(1 + exp(-|u|))) / beta for u = beta x
string add(OnnxGraph& graph, const nn::Softplus& layer, const string& x) {
  const string u = graph.node("Mul", x, layer.beta);
  const string decayed = graph.node("Exp", {graph.node("Neg", {graph.node("Abs", {u})})});
  const string log = graph.node("Log", {graph.node("Add", decayed, 1.0)});
  return graph.node("Div", graph.node("Add", {graph.node("Relu", {u}), log}), layer.beta);
}

/// erf(x / √2), in f32 also for f64: onnxruntime has no other.
string erf_part(OnnxGraph& graph, const string& x) {
  const string scaled = graph.node("Mul", x, 1.0 / std::numbers::sqrt2);
  if (graph.floats() == f32) return graph.node("Erf", {scaled});
  const auto cast = [&](const string& from, DType to) {
    return graph.node("Cast", {from}, {OnnxGraph::attribute("to", OnnxGraph::type_number(to))});
  };
  return cast(graph.node("Erf", {cast(scaled, f32)}), graph.floats());
}

/// tanh(√(2/π) (x + 0.044715 x³))
string tanh_part(OnnxGraph& graph, const string& x) {
  const string cube = graph.node("Mul", {graph.node("Mul", {x, x}), x});
  const string inner = graph.node("Add", {x, graph.node("Mul", cube, 0.044715)});
  return graph.node("Tanh", {graph.node("Mul", inner, std::sqrt(2.0 / std::numbers::pi))});
}

string add(OnnxGraph& graph, const nn::GELU& layer, const string& x) {
  const string part = layer.approximate == "tanh" ? tanh_part(graph, x) : erf_part(graph, x);
  return graph.node("Mul", {graph.node("Mul", x, 0.5), graph.node("Add", part, 1.0)});
}

/// True, and x is the result, if the module is one of these classes, and no other that is derived from it.
template <class... Layer>
bool add_one_of(OnnxGraph& graph, const nn::Module& module, string& x) {
  return ((typeid(module) == typeid(Layer) && (x = add(graph, static_cast<const Layer&>(module), x), true)) || ...);
}

string add_module(OnnxGraph& graph, const nn::Module& module, const string& path, string x) {
  if (typeid(module) == typeid(nn::Sequential)) {
    for (const auto& [name, child] : module.children())
      x = add_module(graph, *child, path.empty() ? name : text(path, ".", name), x);
    return x;
  }
  graph.enter(path);
  const bool known = add_one_of<nn::Linear, nn::Embedding, nn::BatchNorm1d, nn::LayerNorm, nn::RMSNorm, nn::Dropout,
                                nn::Identity, nn::Flatten, nn::ReLU, nn::LeakyReLU, nn::ELU, nn::GELU, nn::Tanh,
                                nn::Sigmoid, nn::Softplus, nn::SiLU, nn::Softmax, nn::LogSoftmax>(graph, module, x);
  if (!known)
    throw std::invalid_argument(text("export_onnx: ", path.empty() ? "the model" : path, " is ", module.describe(),
                                     ", which has no form in ONNX: a Sequential and the library's layers have"));
  return x;
}

Tensor evaluate(nn::Module& model, const Tensor& example) {
  const NoGrad no_grad;
  const nn::Mode mode(model, nn::Mode::evaluation);
  return model(example).value();
}

void check_example(const Tensor& example) {
  if (!example.defined()) throw std::invalid_argument("export_onnx: the example is undefined");
  const int rank = example.dtype() == i64 ? 1 : 2;  // positions of an Embedding need not have columns
  if (example.rank() < rank)
    throw std::invalid_argument(text("export_onnx: the example must be of rows, (N, …), got ", example.shape()));
}

}  // namespace

void export_onnx(const std::string& path, nn::Module& model, const Tensor& example) {
  check_example(example);
  const Tensor result = evaluate(model, example);
  OnnxGraph graph(result.dtype());
  const string last = add_module(graph, model, "", OnnxGraph::input);
  const detail::Protobuf file = graph.model(example, last, result);
  constexpr std::size_t most_bytes = std::numeric_limits<std::int32_t>::max();
  if (file.bytes().size() > most_bytes)
    throw std::invalid_argument(text("export_onnx: the model takes ", file.bytes().size(),
                                     " bytes, of which an ONNX file holds at most ", most_bytes));
  const std::string_view pieces[] = {file.bytes()};
  detail::write_file("export_onnx", path, pieces);
}

}  // namespace ravine::train
