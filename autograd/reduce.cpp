#include <ravine/autograd/reduce.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/loss.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// The shape of a reduction's result as if its dimensions had been kept.
Shape kept_shape(const char* op, const Variable& x, const Dims& dims) {
  return detail::reduced_shape(x.shape(), dims.mask(op, x.shape()), true);
}

/// 1 at the places of x that attain the extreme y, shared between equals.
Tensor extreme_mask(const Tensor& x, const Tensor& y, const Dims& dims) {
  Tensor mask = eq(x, y).to(x.dtype());
  return mask / sum(mask, dims, true);
}

const Tensor& value_of(const Tensor& x) { return x; }
const Tensor& value_of(const Variable& x) { return x.value(); }

/// For each element along a dimension the product of all others. Halves are multiplied, and so on down: no element is
/// divided by, so that zeros are like any other.
template <class V>
V others_along(const V& x, Index dim) {
  const Index n = x.size(dim), half = n / 2;
  if (half == 0) return ones_like(value_of(x));
  const V left = slice(x, dim, 0, half), right = slice(x, dim, half, 2 * half);
  const V others = others_along<V>(concat({left * right, slice(x, dim, 2 * half, n)}, dim), dim);
  const V of_pair = slice(others, dim, 0, half);
  return concat({of_pair * right, of_pair * left, slice(others, dim, half, n - half)}, dim);
}

/// The same along all dimensions in the mask.
template <class V>
V product_of_others(const V& x, unsigned mask) {
  V others = ones_like(value_of(x)), rest = x;
  for (int d = 0; d < x.rank(); ++d)
    if (mask >> d & 1U) {
      others = others * others_along<V>(rest, d);
      rest = prod(rest, d, true);
    }
  return others;
}

Variable extreme(const char* op, Tensor y, const Variable& x, const Dims& dims) {
  const auto pullback = [x, dims, kept = kept_shape(op, x, dims)](auto dy, const auto& y) {
    return reshape(dy, kept) * extreme_mask(x.value(), value_of(y).reshape(kept), dims);
  };
  return record(op, std::move(y), {{x, pullback}});
}

// Of ops on Variables where the pass is recorded.
using detail::log_softmax_pullback;
using detail::softmax_pullback;
Variable softmax_pullback(const Variable& dy, const Variable& y, const Dims& dims) {
  return y * (dy - sum(dy * y, dims, true));
}
Variable log_softmax_pullback(const Variable& dy, const Variable& y, const Dims& dims) {
  return dy - exp(y) * sum(dy, dims, true);
}

}  // namespace

// In `sum(f(x)).backward()` the caller's temporary would live until the semicolon: its memory is free before.
Variable sum(Variable temporary, const Dims& dims, bool keepdim) {
  const Variable x = std::move(temporary);
  return record("sum", sum(x.value(), dims, keepdim),
                {{x, [kept = kept_shape("sum", x, dims), shape = x.shape()](auto dy) {
                    return broadcast_to(reshape(dy, kept), shape);
                  }}});
}

Variable mean(Variable temporary, const Dims& dims, bool keepdim) {
  const Variable x = std::move(temporary);
  const Shape kept = kept_shape("mean", x, dims);
  const double count = static_cast<double>(x.numel()) / static_cast<double>(std::max<Index>(1, kept.numel()));
  const auto pullback = [kept, count, shape = x.shape()](auto dy) {
    return broadcast_to(reshape(std::move(dy) / count, kept), shape);
  };
  return record("mean", mean(x.value(), dims, keepdim), {{x, pullback}});
}

Variable var(const Variable& x, const Dims& dims, bool keepdim, double correction) {
  const Shape kept = kept_shape("var", x, dims);
  const double count = static_cast<double>(x.numel()) / static_cast<double>(std::max<Index>(1, kept.numel()));
  const double scale = 2.0 / std::max(0.0, count - correction);
  return record("var", var(x.value(), dims, keepdim, correction), {{x, [x, dims, kept, scale](auto dy) {
                                                                      return detail::centered(like(dy, x), dims) *
                                                                             (reshape(dy, kept) * scale);
                                                                    }}});
}

Variable max(const Variable& x, const Dims& dims, bool keepdim) {
  return extreme("max", max(x.value(), dims, keepdim), x, dims);
}
Variable min(const Variable& x, const Dims& dims, bool keepdim) {
  return extreme("min", min(x.value(), dims, keepdim), x, dims);
}

Variable norm(const Variable& x, const Dims& dims, bool keepdim) {
  return record("norm", norm(x.value(), dims, keepdim),
                {{x, [x, kept = kept_shape("norm", x, dims)](auto dy, const auto& y) {
                    // x / |x|; x = 0 looks infinitely long, so that nothing is left of any derivative.
                    const Tensor length = value_of(y).reshape(kept), infinite = full_like(length, infinity);
                    const auto direction = like(dy, x) / where(eq(length, 0.0), infinite, reshape(y, kept));
                    return direction * reshape(dy, kept);
                  }}});
}

Variable std(const Variable& x, const Dims& dims, bool keepdim, double correction) {
  const Tensor first = detail::first_of("std", x.value(), dims);
  const double count = static_cast<double>(x.numel()) / static_cast<double>(std::max<Index>(1, first.numel()));
  const Variable seen = x - first;
  return norm(seen - mean(seen, dims, true), dims, keepdim) / std::sqrt(std::max(0.0, count - correction));
}

Variable prod(const Variable& x, const Dims& dims, bool keepdim) {
  const unsigned mask = dims.mask("prod", x.shape());
  const auto pullback = [x, mask, kept = kept_shape("prod", x, dims)](auto dy) {
    return reshape(dy, kept) * product_of_others(like(dy, x).to(f64), mask).to(dy.dtype());
  };
  return record("prod", prod(x.value(), dims, keepdim), {{x, pullback}});
}

Variable cumsum(const Variable& x, Index dim) {
  return record("cumsum", cumsum(x.value(), dim), {{x, [dim](auto dy) { return cumsum_pullback(dy, dim); }}});
}
Variable cumsum_pullback(const Variable& dy, Index dim) {
  return record("cumsum_pullback", cumsum_pullback(dy.value(), dim), {{dy, [dim](auto d) { return cumsum(d, dim); }}});
}

Variable logsumexp(const Variable& x, const Dims& dims, bool keepdim) {
  const auto pullback = [x, dims, kept = kept_shape("logsumexp", x, dims)](auto dy, const auto& y) {
    // What has no weight at all is left out before softmax, whose NaN would reach the second derivative.
    const Tensor nothing = eq(value_of(y).reshape(kept), -std::numeric_limits<double>::infinity());
    const Tensor zero = scalar(0.0, dy.dtype());
    return where(nothing, zero, softmax(where(nothing, zero, like(dy, x)), dims)) * reshape(dy, kept);
  };
  return record("logsumexp", logsumexp(x.value(), dims, keepdim), {{x, pullback}});
}

Variable softmax(const Variable& x, const Dims& dims) {
  return record("softmax", softmax(x.value(), dims),
                {{x, [dims](auto dy, const auto& y) { return softmax_pullback(std::move(dy), y, dims); }}});
}

Variable log_softmax(const Variable& x, const Dims& dims) {
  return record("log_softmax", log_softmax(x.value(), dims),
                {{x, [dims](auto dy, const auto& y) { return log_softmax_pullback(std::move(dy), y, dims); }}});
}

Variable cosine_similarity(const Variable& x, const Variable& y, Index dim, double eps) {
  detail::check_dtypes("cosine_similarity", x.value(), y.value());
  detail::check_floating("cosine_similarity", x.value());
  const Shape shape = detail::broadcast_shapes("cosine_similarity", x.shape(), y.shape());
  const Index d = detail::wrap_dim("cosine_similarity", dim, shape);
  const auto direction = [&](const Variable& v) {
    const Variable whole = broadcast_to(v, shape);
    return whole / maximum(norm(whole, d, true), eps);
  };
  return sum(direction(x) * direction(y), d);
}

Variable sum_to(Variable x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return record("sum_to", sum_to(x.value(), shape),
                {{x, [from = x.shape()](auto dy) { return broadcast_to(dy, from); }}});
}

}  // namespace ravine
