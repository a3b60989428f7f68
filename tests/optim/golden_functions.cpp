#include "golden_functions.hpp"

#include <stdexcept>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/landscapes.hpp>

namespace golden {

namespace rv = ravine;
using rv::Index;
using rv::Variable;

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

/// Squared errors, averaged or summed, of W2 tanh(W1 x + b1) + b2 with four hidden units; theta is W1, b1, W2, b2.
Loss tiny_mlp(const Json& function, rv::DType dtype) {
  const rv::Tensor X = matrix(function, "X", dtype);
  const rv::Tensor Y = tensor_of(function.at("params").at("Y"), {X.size(0), 1}, dtype);
  const bool mean = function.at("params").at("reduction") == "mean";
  return [=](const Variable& theta, const Batch& batch) {
    const auto rows = [&](const rv::Tensor& all) {
      return batch.empty() ? all : rv::index_select(all, 0, rv::tensor(batch, rv::i64));
    };
    const rv::Tensor x = rows(X), y = rows(Y);
    const Variable W1 = theta.slice(0, 0, 8).reshape({4, 2}), b1 = theta.slice(0, 8, 12);
    const Variable W2 = theta.slice(0, 12, 16).reshape({1, 4}), b2 = theta.slice(0, 16, 17);
    const Variable errors = rv::square(rv::linear(rv::tanh(rv::linear(x, W1, b1)), W2, b2) - y);
    return mean ? rv::mean(errors) : rv::sum(errors);
  };
}

}  // namespace

const Json& find_function(const Json& functions, const std::string& name) {
  for (const Json& function : functions.at("functions"))
    if (function.at("name") == name) return function;
  throw std::runtime_error("no function " + name);
}

Loss loss_of(const Json& function, rv::DType dtype) {
  const auto name = function.at("name").get<std::string>();
  for (const rv::landscapes::Landscape& landscape : rv::landscapes::all())
    if (name == landscape.name) return [f = landscape.f](const Variable& theta, const Batch&) { return f(theta); };
  if (name.starts_with("quad_"))
    return [f = rv::landscapes::quadratic(matrix(function, "A", dtype))](const Variable& theta, const Batch&) {
      return f(theta);
    };
  if (name == "matrix_lsq_4x3") return matrix_least_squares(function, dtype);
  if (name == "tiny_mlp" || name == "tiny_mlp_sum") return tiny_mlp(function, dtype);
  throw std::runtime_error("the function " + name + " is not known");
}

}  // namespace golden
