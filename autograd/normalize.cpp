#include <ravine/autograd/normalize.hpp>

#include <limits>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/normalize.hpp>
#include <ravine/core/shard.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

using detail::Lines;
using detail::text;

/// What is scaled or shifted by: the variable, or a constant where there is none. Of the shape and dtype asked for.
Variable or_constant(const char* op, const char* what, const Variable& v, double value, const Shape& shape,
                     DType dtype) {
  if (!v.defined()) return full(shape, value, dtype);
  if (v.shape() != shape) throw ShapeError(text(op, ": ", what, " must be ", shape, ", got ", v.shape()));
  if (v.dtype() != dtype) throw DTypeError(text(op, ": input is ", dtype, ", ", what, " is ", v.dtype()));
  return v;
}

struct Normalization {
  const char* op;
  Lines lines;
  Shape shape;  // of weight and bias
  double eps;

  Shape matrix(const Variable& x) const {
    const Index columns = shape.numel();
    return {x.numel() / (columns > 0 ? columns : 1), columns};
  }
  int dim() const { return lines == Lines::columns ? 0 : 1; }  // along a line of the matrix
  Tensor moments(const Variable& x) const { return detail::moments(op, x.value(), shape.numel(), lines, eps); }
};

Variable normalized(const Normalization& n, const Variable& x, const Variable& weight, const Variable& bias,
                    const Tensor& moments);

/// z of x as a matrix, and what it was multiplied by, (1, F) or (N, 1).
struct Normalized {
  Variable z, inverse_std;
};

Normalized normalized(const Normalization& n, const Variable& x) {
  const Tensor moments = n.moments(x);
  const Variable one = full(n.shape, 1.0, x.dtype()), zero = full(n.shape, 0.0, x.dtype());
  const Variable z = normalized(n, x, one, zero, moments).reshape(n.matrix(x));
  const Index lines = moments.size(1);
  const Shape kept = n.dim() == 0 ? Shape{1, lines} : Shape{lines, 1};
  return {z, record(n.op, moments[3].clone().reshape(kept),
                    {{x, [n, x](const Variable& ds, const Variable& s) {
                        // The derivative of 1 / std is -z / (count std^2).
                        const Variable z = normalized(n, x).z;
                        return (-(ds * s / static_cast<double>(z.size(n.dim()))) * z * s).reshape(x.shape());
                      }}})};
}

Variable normalized(const Normalization& n, const Variable& x, const Variable& weight, const Variable& bias,
                    const Tensor& moments) {
  return record(n.op, detail::normalize(x.value(), n.lines, moments, weight.value(), bias.value()), {x, weight, bias},
                [n, x, weight, saved = Variable(moments)](auto dy) {
                  if constexpr (std::is_same_v<decltype(dy), Tensor>) {
                    return detail::normalize_pullback(std::move(dy), x.value(), n.lines, saved.value(), weight.value());
                  } else {
                    const auto [z, inverse_std] = normalized(n, x);
                    const Variable g = dy.reshape(n.matrix(x)), dz = g * weight.reshape({n.shape.numel()});
                    Variable dx = dz - z * mean(dz * z, n.dim(), true);
                    if (n.lines != Lines::rows_about_0) dx = dx - mean(dz, n.dim(), true);
                    return std::array{(dx * inverse_std).reshape(x.shape()), sum(g * z, 0).reshape(n.shape),
                                      sum(g, 0).reshape(n.shape)};
                  }
                });
}

// ---- of a batch that is computed on in shards, each of which has its own x

/// The moments of the whole batch, as of `moments`, and its rows: those of the shards, put together.
std::pair<Tensor, double> moments_of_batch(const Normalization& n, const Variable& x, Shard& shard) {
  const Tensor own = n.moments(x), mean = own[0].to(f64) + own[1].to(f64);
  const double rows = static_cast<double>(x.size(0));
  const Tensor sums = shard.sum(concat({mean * rows, full({1}, rows, f64)}, 0));
  const double all = sums.at({-1});
  const Tensor center = sums.slice(0, 0, -1) / all;
  const Tensor variance = shard.sum((own[2].to(f64) + square(mean - center)) * rows) / all;
  Tensor m = detail::moments_from(center.to(x.dtype()), variance.to(x.dtype()), n.eps);
  m[1].copy_from((center - m[0].to(f64)).to(x.dtype()));
  return {std::move(m), all};
}

Variable normalized_in_batch(const Normalization& n, const Variable& x, const Variable& weight, const Variable& bias,
                             const Tensor& moments, double rows) {
  return record(n.op, detail::normalize(x.value(), n.lines, moments, weight.value(), bias.value()), {x, weight, bias},
                [n, x, weight, rows, saved = Variable(moments)](auto dy) {
                  if constexpr (std::is_same_v<decltype(dy), Tensor>) {
                    Shard* const shard = Shard::current();
                    if (!shard) throw std::logic_error("batch_norm: the backward pass left the shard of its batch");
                    // With the means over its own rows, which are then replaced by those of the batch.
                    const double own = static_cast<double>(x.size(0));
                    auto [dx, dw, db] =
                        detail::normalize_pullback(std::move(dy), x.value(), n.lines, saved.value(), weight.value());
                    const Tensor mean = (shard->sum(stack({db, dw}, 0).to(f64)) / rows).to(x.dtype());
                    const Tensor scale = weight.value() * saved.value()[3];
                    dx = std::move(dx) + detail::normalize(x.value(), n.lines, saved.value(),
                                                           scale * (dw / own - mean[1]), scale * (db / own - mean[0]));
                    return std::array{std::move(dx), std::move(dw), std::move(db)};
                  } else {
                    throw std::logic_error("batch_norm: over the shards of a batch it has no second derivatives");
                    return std::array{dy, dy, dy};
                  }
                });
}

Shape columns_of(const char* op, const Variable& x) {
  if (x.rank() != 2) throw ShapeError(text(op, ": input must be (N, F), got ", x.shape()));
  detail::check_floating(op, x.value());
  return {x.size(1)};
}

void check_eps(const char* op, double eps) {
  if (!(eps >= 0.0)) throw std::invalid_argument(text(op, ": eps must be >= 0, got ", eps));
}

Variable normalized_rows(const Normalization& n, const Variable& x, const Variable& weight, const Variable& bias) {
  detail::check_floating(n.op, x.value());
  check_eps(n.op, n.eps);
  const int outer = x.rank() - n.shape.rank();
  bool fits = outer >= 0;
  for (int d = 0; fits && d < n.shape.rank(); ++d) fits = x.shape()[outer + d] == n.shape[d];
  if (!fits) throw ShapeError(text(n.op, ": the last sizes of ", x.shape(), " must be ", n.shape));
  const Variable w = or_constant(n.op, "weight", weight, 1.0, n.shape, x.dtype());
  const Variable b = or_constant(n.op, "bias", bias, 0.0, n.shape, x.dtype());
  return normalized(n, x, w, b, n.moments(x));
}

}  // namespace

Variable batch_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps,
                    BatchMoments* moments) {
  const Normalization n{"batch_norm", Lines::columns, columns_of("batch_norm", x), eps};
  check_eps(n.op, eps);
  Shard* const shard = Shard::current();
  const bool apart = shard && shard->sync_batch_norm && shard->rows < shard->batch;
  if (x.size(0) < 2 && !apart)
    throw ShapeError(text("batch_norm: training needs at least two rows, got ", x.shape(),
                          "; a DataLoader with drop_last leaves out a last batch that is smaller"));
  const Variable w = or_constant(n.op, "weight", weight, 1.0, n.shape, x.dtype());
  const Variable b = or_constant(n.op, "bias", bias, 0.0, n.shape, x.dtype());
  const auto [m, rows] =
      apart ? moments_of_batch(n, x, *shard) : std::pair{n.moments(x), static_cast<double>(x.size(0))};
  if (moments) *moments = {m[0], m[2], rows};
  return apart ? normalized_in_batch(n, x, w, b, m, rows) : normalized(n, x, w, b, m);
}

Variable batch_norm_with(const Variable& x, const Variable& mean, const Variable& variance, const Variable& weight,
                         const Variable& bias, double eps) {
  const char* op = "batch_norm";
  const Shape columns = columns_of(op, x);
  check_eps(op, eps);
  const Variable w = or_constant(op, "weight", weight, 1.0, columns, x.dtype());
  const Variable b = or_constant(op, "bias", bias, 0.0, columns, x.dtype());
  or_constant(op, "mean", mean, 0.0, columns, x.dtype());
  or_constant(op, "variance", variance, 1.0, columns, x.dtype());
  const Tensor m = detail::moments_from(mean.value(), variance.value(), eps);
  Tensor y = detail::normalize(x.value(), Lines::columns, m, w.value(), b.value());
  return record(op, std::move(y), {x, w, b}, [x, w, mean, inverse_std = m[3]](auto dy) {
    const auto z = (like(dy, x) - like(dy, mean)) * inverse_std;
    return std::array{dy * (like(dy, w) * inverse_std), sum(dy * z, 0), sum(dy, 0)};
  });
}

Variable layer_norm(const Variable& x, const Shape& shape, const Variable& weight, const Variable& bias, double eps) {
  return normalized_rows({"layer_norm", Lines::rows, shape, eps}, x, weight, bias);
}

Variable rms_norm(const Variable& x, const Shape& shape, const Variable& weight, std::optional<double> eps) {
  const double epsilon =
      x.dtype() == f32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  return normalized_rows({"rms_norm", Lines::rows_about_0, shape, eps.value_or(epsilon)}, x, weight, {});
}

}  // namespace ravine
