/// @file
/// The graph of an ONNX file in the making; for the library's sources, not its public headers.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <vector>

#include <ravine/core/tensor.hpp>
#include <ravine/train/protobuf.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// A list of operations on named values, each after those it needs.
class OnnxGraph {
 public:
  /// floats: of the numbers that `number` makes.
  explicit OnnxGraph(DType floats) : floats_(floats) {}

  DType floats() const { return floats_; }

  /// Nodes from now on are called after this path.
  void enter(const std::string& path) { path_ = path; }

  /// A tensor that the file holds, by its name in the module just entered. Returns the value's name.
  std::string tensor(const char* name, const Tensor& x);
  /// A scalar of the graph's floating type.
  std::string number(double x);
  /// An operation with one result, whose name it returns.
  std::string node(const char* op, const std::vector<std::string>& inputs,
                   const std::vector<Protobuf>& attributes = {});
  /// Op of x and a number.
  std::string node(const char* op, const std::string& x, double y) { return node(op, {x, number(y)}); }

  static Protobuf attribute(const char* name, Index value);
  static Protobuf attribute(const char* name, double value);
  static Protobuf attribute(const char* name, const std::vector<Index>& values);
  static Index type_number(DType dtype);

  /// The file's content: from the value `input`, of this tensor's type and shape but for the first size, to `result`,
  /// of that of the other.
  Protobuf model(const Tensor& input_like, const std::string& result, const Tensor& output_like) const;

  static constexpr const char* input = "input";

 private:
  DType floats_;
  std::string path_;
  std::map<std::string, int> names_;  // how many nodes are called so
  std::map<double, std::string> numbers_;
  std::vector<Protobuf> nodes_, tensors_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
