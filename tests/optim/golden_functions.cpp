#include "golden_functions.hpp"

#include <algorithm>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/landscapes.hpp>

namespace golden {

namespace rv = ravine;
using rv::Index;
using rv::Variable;

static std::string list(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

Unknown::Unknown(const std::string& kind, const std::string& name, const std::vector<std::string>& known)
    : std::runtime_error("not known: " + kind + " " + name + " (known: " + list(known) + ")") {}

std::vector<double> numbers(const Json& array) {
  if (!array.is_array()) return {array.get<double>()};
  std::vector<double> all;
  for (const Json& part : array)
    for (const double x : numbers(part)) all.push_back(x);
  return all;
}

rv::Shape shape_of(const Json& sizes) {
  rv::Shape shape;
  for (const Json& size : sizes) shape.push_back(size.get<Index>());
  return shape;
}

rv::Tensor tensor_of(const Json& array, const rv::Shape& shape, rv::DType dtype) {
  return rv::tensor(numbers(array), shape, dtype);
}

namespace {

/// A matrix among the function's data.
rv::Tensor matrix(const Json& function, const char* name, rv::DType dtype) {
  const Json& rows = function.at("params").at(name);
  return tensor_of(rows, {static_cast<Index>(rows.size()), static_cast<Index>(rows.at(0).size())}, dtype);
}

/// 1/2 |P theta - Q|^2 for a matrix theta.
Loss matrix_least_squares(const Json& function, rv::DType dtype) {
  return [P = matrix(function, "P", dtype), Q = matrix(function, "Q", dtype)](const Variable& theta, const Batch&) {
    return 0.5 * rv::sum(rv::square(rv::matmul(P, theta) - Q));
  };
}

/// Squared errors, averaged or summed, of W2 tanh(W1 x + b1) + b2; theta is W1, b1, W2, b2.
Loss network(const Json& function, rv::DType dtype) {
  const rv::Tensor X = matrix(function, "X", dtype);
  const rv::Tensor Y = tensor_of(function.at("params").at("Y"), {X.size(0), 1}, dtype);
  const bool mean = function.at("params").at("reduction") == "mean";
  return [=](const Variable& theta, const Batch& batch) {
    const auto rows = [&](const rv::Tensor& all) {
      return batch.empty() ? all : rv::index_select(all, 0, rv::tensor(batch, rv::i64));
    };
    const rv::Tensor x = rows(X), y = rows(Y);
    const Index in = X.size(1), hidden = (theta.numel() - 1) / (in + 2), end = hidden * in;
    const Variable W1 = theta.slice(0, 0, end).reshape({hidden, in}), b1 = theta.slice(0, end, end + hidden);
    const Variable W2 = theta.slice(0, end + hidden, end + 2 * hidden).reshape({1, hidden});
    const Variable b2 = theta.slice(0, end + 2 * hidden, end + 2 * hidden + 1);
    const Variable errors = rv::square(rv::linear(rv::tanh(rv::linear(x, W1, b1)), W2, b2) - y);
    return mean ? rv::mean(errors) : rv::sum(errors);
  };
}

std::vector<std::string> names(const Json& functions) {
  std::vector<std::string> all;
  for (const Json& function : functions) all.push_back(function.at("name").get<std::string>());
  return all;
}

std::vector<std::string> names(const std::vector<rv::landscapes::Landscape>& landscapes) {
  std::vector<std::string> all;
  for (const rv::landscapes::Landscape& landscape : landscapes) all.push_back(landscape.name);
  return all;
}

}  // namespace

Json find_function(const Json& file, const Json& functions, const std::string& name) {
  std::vector<std::string> known = names(rv::landscapes::all());
  for (const Json& list : {file.value("functions", Json::array()), functions.value("functions", Json::array())}) {
    for (const Json& function : list)
      if (function.at("name") == name) return function;
    for (const std::string& other : names(list)) known.push_back(other);
  }
  if (std::find(known.begin(), known.end(), name) != known.end()) return {{"name", name}};
  throw Unknown("function", name, known);
}

Loss loss_of(const Json& function, rv::DType dtype) {
  const Json params = function.value("params", Json::object());
  if (params.contains("A"))
    return [f = rv::landscapes::quadratic(matrix(function, "A", dtype))](const Variable& theta, const Batch&) {
      return f(theta);
    };
  if (params.contains("P") && params.contains("Q")) return matrix_least_squares(function, dtype);
  if (params.contains("X") && params.contains("Y")) return network(function, dtype);
  const auto name = function.at("name").get<std::string>();
  for (const rv::landscapes::Landscape& landscape : rv::landscapes::all())
    if (name == landscape.name) return [f = landscape.f](const Variable& theta, const Batch&) { return f(theta); };
  throw Unknown("function without the parameters A, P and Q, or X and Y,", name, names(rv::landscapes::all()));
}

}  // namespace golden
