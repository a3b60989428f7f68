// ONNX files, decoded and evaluated by the tests themselves: the format is that of onnx.proto, the operators are those
// that the library writes.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ravine/core/core.hpp>

namespace onnx_reader {

using ravine::Index;
using ravine::Tensor;

/// A field of a protobuf message.
struct Field {
  int number = 0;
  std::uint64_t value = 0;  // of a number, as its bits
  std::string_view bytes;   // of anything longer
};

inline std::uint64_t take_varint(std::string_view& in) {
  std::uint64_t value = 0;
  for (int shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(in.at(0));
    in.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return value;
  }
}

inline std::vector<Field> fields(std::string_view in) {
  std::vector<Field> all;
  while (!in.empty()) {
    const std::uint64_t tag = take_varint(in);
    Field field{static_cast<int>(tag >> 3), 0, {}};
    std::size_t length = 0;
    switch (tag & 7) {
      case 0: field.value = take_varint(in); break;
      case 1: length = 8; break;
      case 2: length = take_varint(in); break;
      case 5: length = 4; break;
      default: throw std::runtime_error("no such wire type");
    }
    if (length > in.size()) throw std::runtime_error("a field is longer than its message");
    field.bytes = in.substr(0, length);
    in.remove_prefix(length);
    all.push_back(field);
  }
  return all;
}

/// The fields of one number; those of exactly one, and its text.
inline std::vector<Field> all(std::string_view message, int number) {
  std::vector<Field> found;
  for (const Field& field : fields(message))
    if (field.number == number) found.push_back(field);
  return found;
}
inline Field one(std::string_view message, int number) {
  const auto found = all(message, number);
  if (found.size() != 1) throw std::runtime_error("expected one field " + std::to_string(number));
  return found[0];
}
inline std::string words(std::string_view message, int number) { return std::string(one(message, number).bytes); }

inline ravine::DType dtype_of(std::uint64_t type) {
  for (const auto& [known, dtype] : {std::pair(1U, ravine::f32), {11U, ravine::f64}, {7U, ravine::i64}})
    if (type == known) return dtype;
  throw std::runtime_error("no such type");
}

inline Tensor tensor_of(std::string_view message) {
  ravine::Shape shape;
  for (const Field& size : all(message, 1)) shape.push_back(static_cast<Index>(size.value));
  Tensor x(shape, dtype_of(one(message, 2).value));
  const std::string_view bytes = one(message, 9).bytes;
  if (bytes.size() != static_cast<std::size_t>(x.numel()) * ravine::size_of(x.dtype()))
    throw std::runtime_error("a tensor of another size");
  std::memcpy(x.bytes(), bytes.data(), bytes.size());
  return x;
}

struct Node {
  std::string op;
  std::vector<std::string> inputs;
  std::string output;
  std::map<std::string, std::string_view> attributes;

  double number(const char* name) const {
    float value = 0.0F;
    std::memcpy(&value, one(attributes.at(name), 2).bytes.data(), 4);
    return value;
  }
  Index integer(const char* name) const { return static_cast<Index>(one(attributes.at(name), 3).value); }
  std::vector<Index> integers(const char* name) const {
    std::vector<Index> values;
    for (const Field& value : all(attributes.at(name), 8)) values.push_back(static_cast<Index>(value.value));
    return values;
  }
};

/// A file: its nodes and what it holds.
struct Model {
  std::string content;
  Index ir_version, operator_set;
  std::vector<Node> nodes;
  std::map<std::string, Tensor> tensors;
  std::string input, output;  // as "input f32 (N, 3)"

  explicit Model(std::string file) : content(std::move(file)) {
    ir_version = static_cast<Index>(one(content, 1).value);
    operator_set = static_cast<Index>(one(one(content, 8).bytes, 2).value);
    const std::string_view graph = one(content, 7).bytes;
    for (const Field& node : all(graph, 1)) nodes.push_back(node_of(node.bytes));
    for (const Field& tensor : all(graph, 5)) tensors.emplace(words(tensor.bytes, 8), tensor_of(tensor.bytes));
    input = declaration_of(one(graph, 11).bytes);
    output = declaration_of(one(graph, 12).bytes);
  }

  Tensor operator()(const Tensor& x) const {
    std::map<std::string, Tensor> values = tensors;
    values.insert_or_assign("input", x);
    for (const Node& node : nodes) {
      std::vector<Tensor> in;
      for (const std::string& name : node.inputs) in.push_back(values.at(name));
      if (!values.emplace(node.output, evaluate(node, in)).second) throw std::runtime_error("written twice");
    }
    return values.at("output");
  }

 private:
  static Node node_of(std::string_view message) {
    Node node{words(message, 4), {}, words(message, 2), {}};
    for (const Field& input : all(message, 1)) node.inputs.emplace_back(input.bytes);
    for (const Field& attribute : all(message, 5)) node.attributes.emplace(words(attribute.bytes, 1), attribute.bytes);
    return node;
  }

  static std::string declaration_of(std::string_view message) {
    const std::string_view type = one(one(message, 2).bytes, 1).bytes;
    std::string shape;
    for (const Field& size : all(one(type, 2).bytes, 1)) {
      if (!shape.empty()) shape += ", ";
      const auto named = all(size.bytes, 2);
      shape += named.empty() ? std::to_string(one(size.bytes, 1).value) : std::string(named[0].bytes);
    }
    return words(message, 1) + " " + std::string(name(dtype_of(one(type, 1).value))) + " (" + shape + ")";
  }

  static Tensor evaluate(const Node& node, const std::vector<Tensor>& in) {
    namespace rv = ravine;
    const std::string& op = node.op;
    const Tensor& x = in.at(0);
    if (op == "Identity") return x;
    if (op == "Transpose" && node.integers("perm") == std::vector<Index>{1, 0}) return rv::transpose(x);
    if (op == "MatMul") return rv::matmul(x, in.at(1));
    if (op == "Add") return x + in.at(1);
    if (op == "Sub") return x - in.at(1);
    if (op == "Mul") return x * in.at(1);
    if (op == "Div") return x / in.at(1);
    if (op == "Min") return rv::minimum(x, in.at(1));
    if (op == "Exp") return rv::exp(x);
    if (op == "Log") return rv::log(x);
    if (op == "Neg") return -x;
    if (op == "Abs") return rv::abs(x);
    if (op == "Sqrt") return rv::sqrt(x);
    if (op == "Erf") return rv::erf(x);
    if (op == "Tanh") return rv::tanh(x);
    if (op == "Sigmoid") return rv::sigmoid(x);
    if (op == "Relu") return rv::relu(x);
    if (op == "LeakyRelu") return rv::where(rv::gt(x, 0.0), x, x * node.number("alpha"));
    if (op == "Softmax") return rv::softmax(x, node.integer("axis"));
    if (op == "LogSoftmax") return rv::log_softmax(x, node.integer("axis"));
    if (op == "Flatten") return x.reshape({x.size(0), x.size(0) == 0 ? 0 : x.numel() / x.size(0)});
    if (op == "Cast") return x.to(dtype_of(static_cast<std::uint64_t>(node.integer("to"))));
    if (op == "ReduceMean") {
      Tensor mean = x;
      for (const Index axis : node.integers("axes")) mean = rv::mean(mean, axis, true);
      return mean;
    }
    if (op == "Gather") {
      ravine::Shape shape = in.at(1).shape();
      shape.push_back(x.size(1));
      return rv::index_select(x, 0, in.at(1).reshape({in.at(1).numel()})).reshape(shape);
    }
    if (op == "BatchNormalization")
      return (x - in.at(3)) / rv::sqrt(in.at(4) + node.number("epsilon")) * in.at(1) + in.at(2);
    throw std::runtime_error("no operator " + op);
  }
};

}  // namespace onnx_reader
