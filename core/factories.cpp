#include <ravine/core/factories.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/core/text.hpp>

namespace ravine {
namespace {

using detail::text;

/// A vector of n values, value_at(0) to value_at(n - 1), made in their own type and then converted.
template <class F>
Tensor generate(Index n, DType dtype, F value_at) {
  using T = decltype(value_at(Index{}));
  Tensor out({n}, dtype_of<T>());
  T* values = out.raw<T>();
  for (Index i = 0; i < n; ++i) values[i] = value_at(i);
  return out.to(dtype);
}

}  // namespace

Tensor zeros(const Shape& shape, DType dtype) { return full(shape, 0.0, dtype); }
Tensor ones(const Shape& shape, DType dtype) { return full(shape, 1.0, dtype); }

Tensor full(const Shape& shape, double value, DType dtype) {
  Tensor out(shape, dtype);
  out.fill(value);
  return out;
}

Tensor eye(Index n, DType dtype) {
  Tensor out = zeros({n, n}, dtype);
  detail::visit(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* values = out.raw<T>();
    for (Index i = 0; i < n; ++i) values[i * (n + 1)] = T{1};
  });
  return out;
}

Tensor arange(Index n, DType dtype) {
  if (n < 0) throw std::invalid_argument(text("arange: n must be >= 0, got ", n));
  return generate(n, dtype, [](Index i) { return i; });
}

Tensor arange(double start, double stop, double step, DType dtype) {
  if (step == 0.0) throw std::invalid_argument("arange: step must not be 0");
  const double steps = std::ceil((stop - start) / step);
  if (!(steps < 0x1p48))
    throw std::invalid_argument(text("arange: no end to start ", start, ", stop ", stop, ", step ", step));
  Index n = steps > 0.0 ? static_cast<Index>(steps) : 0;
  const auto value_at = [&](Index i) { return start + step * static_cast<double>(i); };
  // The quotient was rounded, perhaps up past the end.
  while (n > 0 && (step > 0.0 ? value_at(n - 1) >= stop : value_at(n - 1) <= stop)) --n;
  return generate(n, dtype, value_at);
}

Tensor linspace(double first, double last, Index n, DType dtype) {
  if (n < 0) throw std::invalid_argument(text("linspace: n must be >= 0, got ", n));
  const double intervals = n > 1 ? static_cast<double>(n - 1) : 1.0;
  return generate(n, dtype, [&](Index i) { return std::lerp(first, last, static_cast<double>(i) / intervals); });
}

Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype()); }
Tensor ones_like(const Tensor& x) { return ones(x.shape(), x.dtype()); }
Tensor full_like(const Tensor& x, double value) { return full(x.shape(), value, x.dtype()); }

template <class T>
Tensor from_span(std::span<const T> values, const Shape& shape, DType dtype) {
  using Element = std::conditional_t<std::is_floating_point_v<T> || std::is_same_v<T, std::uint8_t>, T, Index>;
  const Index n = static_cast<Index>(values.size());
  if (n != shape.numel())
    throw ShapeError(text("tensor: got ", n, n == 1 ? " value" : " values", " for shape ", shape));
  Tensor out(shape, dtype_of<Element>());
  std::copy(values.begin(), values.end(), out.raw<Element>());
  return out.to(dtype);
}

// Index is one of long and long long.
template Tensor from_span(std::span<const float>, const Shape&, DType);
template Tensor from_span(std::span<const double>, const Shape&, DType);
template Tensor from_span(std::span<const std::uint8_t>, const Shape&, DType);
template Tensor from_span(std::span<const int>, const Shape&, DType);
template Tensor from_span(std::span<const long>, const Shape&, DType);
template Tensor from_span(std::span<const long long>, const Shape&, DType);

Tensor tensor(std::initializer_list<Scalar> values, const Shape& shape, DType dtype) {
  std::vector<double> numbers;
  numbers.reserve(values.size());
  for (const Scalar value : values) numbers.push_back(value.value());
  return tensor(numbers, shape, dtype);
}

Tensor tensor(std::initializer_list<Scalar> values, DType dtype) {
  return tensor(values, {static_cast<Index>(values.size())}, dtype);
}

Tensor tensor(std::initializer_list<std::initializer_list<double>> rows, DType dtype) {
  const std::size_t columns = rows.size() == 0 ? 0 : rows.begin()->size();
  std::vector<double> values;
  values.reserve(rows.size() * columns);
  for (const auto& row : rows) {
    if (row.size() != columns)
      throw ShapeError(text("tensor: rows differ in length: ", columns, " and ", row.size(), " values"));
    values.insert(values.end(), row.begin(), row.end());
  }
  return tensor(values, {static_cast<Index>(rows.size()), static_cast<Index>(columns)}, dtype);
}

Tensor scalar(double value, DType dtype) { return full({}, value, dtype); }

}  // namespace ravine
