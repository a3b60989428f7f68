/// @file
/// New tensors from values and patterns. Values are converted as `Scalar::to` does: rounded to floating types,
/// truncated towards zero for integer ones; integers reach integer types exactly. Negative sizes are a ShapeError.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include <ravine/core/tensor.hpp>

namespace ravine {

Tensor zeros(const Shape& shape, DType dtype = f32);
Tensor ones(const Shape& shape, DType dtype = f32);
Tensor full(const Shape& shape, Scalar value, DType dtype = f32);
/// The identity matrix (n, n).
Tensor eye(Index n, DType dtype = f32);
/// 0, 1, …, n - 1. Throws std::invalid_argument if n < 0.
Tensor arange(Index n, DType dtype = f32);
/// start, start + step, … before stop; none if stop is not ahead. Throws std::invalid_argument if step is 0 or there
/// is no end.
Tensor arange(Scalar start, Scalar stop, Scalar step = 1, DType dtype = f32);
/// n values from first to last, both included, evenly spaced. Throws std::invalid_argument if n < 0.
Tensor linspace(double first, double last, Index n, DType dtype = f32);

Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
Tensor full_like(const Tensor& x, Scalar value);

/// A copy of these values, row-major, converted to `dtype`; T is float, double, int, long, long long or
/// std::uint8_t. Throws ShapeError if there are not as many as the shape asks for.
template <class T>
Tensor from_span(std::span<const T> values, const Shape& shape, DType dtype = f32);

template <class T>
Tensor tensor(const std::vector<T>& values, const Shape& shape, DType dtype = f32) {
  return from_span(std::span<const T>(values), shape, dtype);
}
template <class T>
Tensor tensor(const std::vector<T>& values, DType dtype = f32) {
  return from_span(std::span<const T>(values), {static_cast<Index>(values.size())}, dtype);
}

/// `tensor({1.5, 2})`, `tensor({1, 2, 3, 4}, {2, 2}, f64)`.
Tensor tensor(std::initializer_list<Scalar> values, const Shape& shape, DType dtype = f32);
template <class = void>  // so that the function below is preferred for {{1}, {2}}, which fits both
Tensor tensor(std::initializer_list<Scalar> values, DType dtype = f32) {
  return tensor(values, {static_cast<Index>(values.size())}, dtype);
}
/// Rows in braces: `tensor({{1, 2}, {3, 4}})` is (2, 2). Throws ShapeError if the rows differ in length.
Tensor tensor(std::initializer_list<std::initializer_list<Scalar>> rows, DType dtype = f32);
/// A rank-0 tensor.
Tensor scalar(Scalar value, DType dtype = f32);

}  // namespace ravine
