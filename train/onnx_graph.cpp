#include <ravine/train/onnx_graph.hpp>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>

// The numbers of fields and types are those of onnx.proto.
namespace ravine::detail {
namespace {

constexpr Index ir_version = 8, operator_set = 17;
constexpr const char* output_name = "output";

Protobuf tensor_of(const std::string& name, const Tensor& x) {
  Protobuf tensor;
  for (const Index size : x.shape()) tensor.integer(1, size);
  const auto bytes = static_cast<std::size_t>(x.numel()) * size_of(x.dtype());
  return tensor.integer(2, OnnxGraph::type_number(x.dtype()))
      .text(8, name)
      .raw(9, {reinterpret_cast<const char*>(x.bytes()), bytes});
}

/// A value of x's type and shape, but for the number of rows.
Protobuf declaration_of(const char* name, const Tensor& x) {
  Protobuf shape;
  for (int d = 0; d < x.rank(); ++d)
    shape.message(1, d == 0 ? Protobuf().text(2, "N") : Protobuf().integer(1, x.size(d)));
  const Protobuf type = Protobuf().integer(1, OnnxGraph::type_number(x.dtype())).message(2, shape);
  return Protobuf().text(1, name).message(2, Protobuf().message(1, type));
}

Protobuf node_of(const char* op, const std::string& name, const std::vector<std::string>& inputs,
                 const std::string& result, const std::vector<Protobuf>& attributes) {
  Protobuf node;
  for (const std::string& input : inputs) node.text(1, input);
  node.text(2, result).text(3, name).text(4, op);
  for (const Protobuf& attribute : attributes) node.message(5, attribute);
  return node;
}

}  // namespace

Index OnnxGraph::type_number(DType dtype) { return dtype == f32 ? 1 : dtype == f64 ? 11 : dtype == i64 ? 7 : 2; }

std::string OnnxGraph::tensor(const char* name, const Tensor& x) {
  const std::string path = path_.empty() ? name : text(path_, ".", name);
  tensors_.push_back(tensor_of(path, x));
  return path;
}

std::string OnnxGraph::number(double x) {
  const auto [entry, is_new] = numbers_.emplace(x, text("number ", x));
  if (is_new) tensors_.push_back(tensor_of(entry->second, full({}, x, floats_)));
  return entry->second;
}

std::string OnnxGraph::node(const char* op, const std::vector<std::string>& inputs,
                            const std::vector<Protobuf>& attributes) {
  std::string name = path_.empty() ? op : text(path_, "/", op);
  const int count = ++names_[name];
  if (count > 1) name += text("_", count);
  nodes_.push_back(node_of(op, name, inputs, name, attributes));
  return name;
}

Protobuf OnnxGraph::attribute(const char* name, Index value) {
  return Protobuf().text(1, name).integer(3, value).integer(20, 2);
}

Protobuf OnnxGraph::attribute(const char* name, double value) {
  return Protobuf().text(1, name).number(2, static_cast<float>(value)).integer(20, 1);
}

Protobuf OnnxGraph::attribute(const char* name, const std::vector<Index>& values) {
  Protobuf attribute = Protobuf().text(1, name);
  for (const Index value : values) attribute.integer(8, value);
  return attribute.integer(20, 7);
}

Protobuf OnnxGraph::model(const Tensor& input_like, const std::string& result, const Tensor& output_like) const {
  Protobuf graph;
  for (const Protobuf& node : nodes_) graph.message(1, node);
  graph.message(1, node_of("Identity", output_name, {result}, output_name, {}));
  graph.text(2, "ravine");
  for (const Protobuf& tensor : tensors_) graph.message(5, tensor);
  graph.message(11, declaration_of(input, input_like)).message(12, declaration_of(output_name, output_like));
  return Protobuf()
      .integer(1, ir_version)
      .text(2, "ravine")
      .message(7, graph)
      .message(8, Protobuf().text(1, "").integer(2, operator_set));
}

}  // namespace ravine::detail
