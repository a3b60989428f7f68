#include <ravine/core/factories.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine {
namespace {

using detail::text;

/// A vector of n values, value_at(0) to value_at(n - 1), which are converted from their own type.
template <class F>
Tensor generate(Index n, DType dtype, F value_at) {
  Tensor out({n}, dtype);
  detail::visit(dtype, [&](auto zero) {
    using T = decltype(zero);
    T* values = out.raw<T>();
    detail::parallel_for(n, detail::parallel_grain, [&](Index begin, Index end) {
      for (Index i = begin; i < end; ++i) values[i] = detail::convert<T>(value_at(i));
    });
  });
  return out;
}

void check_count(std::size_t n, const Shape& shape) {
  if (static_cast<Index>(n) != shape.numel())
    throw ShapeError(text("tensor: got ", n, n == 1 ? " value" : " values", " for shape ", shape));
}

/// How many of start, start + step, … come before stop. Differences of integers may need 64 bits: taken without signs.
std::uint64_t steps(Index start, Index stop, Index step) {
  if (step > 0 ? start >= stop : start <= stop) return 0;
  const auto from = static_cast<std::uint64_t>(start), to = static_cast<std::uint64_t>(stop);
  const auto by = static_cast<std::uint64_t>(step);
  return step > 0 ? (to - from - 1) / by + 1 : (from - to - 1) / -by + 1;
}
double steps(double start, double stop, double step) { return std::max(std::ceil((stop - start) / step), 0.0); }

}  // namespace

Tensor zeros(const Shape& shape, DType dtype) { return full(shape, 0, dtype); }
Tensor ones(const Shape& shape, DType dtype) { return full(shape, 1, dtype); }

Tensor full(const Shape& shape, Scalar value, DType dtype) {
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

Tensor arange(Scalar start, Scalar stop, Scalar step, DType dtype) {
  if (step.value() == 0.0) throw std::invalid_argument("arange: step must not be 0");
  const auto checked = [&](auto count) {
    if (!(static_cast<double>(count) < 0x1p48))
      throw std::invalid_argument(text("arange: no end to start ", start, ", stop ", stop, ", step ", step));
    return static_cast<Index>(count);
  };
  if (start.integral() && stop.integral() && step.integral()) {
    const auto first = start.to<Index>(), by = step.to<Index>();
    return generate(checked(steps(first, stop.to<Index>(), by)), dtype, [=](Index i) {
      return static_cast<Index>(static_cast<std::uint64_t>(first) +
                                static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(by));
    });
  }
  const double first = start.value(), last = stop.value(), by = step.value();
  Index n = checked(steps(first, last, by));
  const auto value_at = [=](Index i) { return first + by * static_cast<double>(i); };
  // The quotient was rounded, perhaps up past the end.
  while (n > 0 && (by > 0.0 ? value_at(n - 1) >= last : value_at(n - 1) <= last)) --n;
  return generate(n, dtype, value_at);
}

Tensor linspace(double first, double last, Index n, DType dtype) {
  if (n < 0) throw std::invalid_argument(text("linspace: n must be >= 0, got ", n));
  const double intervals = n > 1 ? static_cast<double>(n - 1) : 1.0;
  return generate(n, dtype, [&](Index i) { return std::lerp(first, last, static_cast<double>(i) / intervals); });
}

Tensor zeros_like(const Tensor& x) { return zeros(x.shape(), x.dtype()); }
Tensor ones_like(const Tensor& x) { return ones(x.shape(), x.dtype()); }
Tensor full_like(const Tensor& x, Scalar value) { return full(x.shape(), value, x.dtype()); }

template <class T>
Tensor from_span(std::span<const T> values, const Shape& shape, DType dtype) {
  using Element = std::conditional_t<std::is_floating_point_v<T> || std::is_same_v<T, std::uint8_t>, T, Index>;
  check_count(values.size(), shape);
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
  check_count(values.size(), shape);
  Tensor out(shape, dtype);
  detail::visit(dtype, [&](auto zero) {
    using T = decltype(zero);
    std::transform(values.begin(), values.end(), out.raw<T>(), [](Scalar value) { return value.to<T>(); });
  });
  return out;
}

Tensor tensor(std::initializer_list<std::initializer_list<Scalar>> rows, DType dtype) {
  if (rows.size() == 0) return Tensor({0}, dtype);
  std::vector<Tensor> parts;
  for (const auto& row : rows) {
    if (row.size() != rows.begin()->size())
      throw ShapeError(text("tensor: rows differ in length: ", rows.begin()->size(), " and ", row.size(), " values"));
    parts.push_back(tensor(row, dtype));
  }
  return stack(parts, 0);
}

Tensor scalar(Scalar value, DType dtype) { return full({}, value, dtype); }

}  // namespace ravine
