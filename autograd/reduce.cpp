#include <ravine/autograd/reduce.hpp>

#include <algorithm>
#include <limits>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>

namespace ravine {
namespace {

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

Variable extreme(const char* op, Tensor y, const Variable& x, const Dims& dims) {
  const auto pullback = [x, dims, kept = kept_shape(op, x, dims)](auto dy, const auto& y) {
    return reshape(dy, kept) * extreme_mask(x.value(), value_of(y).reshape(kept), dims);
  };
  return record(op, std::move(y), {{x, pullback}});
}

}  // namespace

Variable sum(const Variable& x, const Dims& dims, bool keepdim) {
  return record("sum", sum(x.value(), dims, keepdim),
                {{x, [kept = kept_shape("sum", x, dims), shape = x.shape()](auto dy) {
                    return broadcast_to(reshape(dy, kept), shape);
                  }}});
}

Variable mean(const Variable& x, const Dims& dims, bool keepdim) {
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
                    // x / |x|, and 0 for x = 0.
                    const Tensor length = value_of(y).reshape(kept);
                    const auto safe = where(eq(length, 0.0), ones_like(length), reshape(y, kept));
                    return like(dy, x) * (reshape(dy, kept) / safe);
                  }}});
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
                {{x, [dims](auto dy, const auto& y) { return y * (dy - sum(dy * y, dims, true)); }}});
}

Variable log_softmax(const Variable& x, const Dims& dims) {
  return record("log_softmax", log_softmax(x.value(), dims),
                {{x, [dims](auto dy, const auto& y) { return dy - exp(y) * sum(dy, dims, true); }}});
}

Variable cosine_similarity(const Variable& x, const Variable& y, Index dim, double eps) {
  const auto length = [&](const Variable& v) { return maximum(norm(v, dim), eps); };
  return sum(x * y, dim) / (length(x) * length(y));
}

Variable sum_to(Variable x, const Shape& shape) {
  if (x.shape() == shape) return x;
  return record("sum_to", sum_to(x.value(), shape),
                {{x, [from = x.shape()](auto dy) { return broadcast_to(dy, from); }}});
}

}  // namespace ravine
