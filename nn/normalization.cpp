#include <ravine/nn/normalization.hpp>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::nn {
namespace {

using detail::text;

/// What is scaled or shifted by: the variable, or a constant where there is none. Of the shape and dtype asked for.
Variable or_constant(const char* op, const char* what, const Variable& v, double value, const Shape& shape,
                     DType dtype) {
  if (!v.defined()) return full(shape, value, dtype);
  if (v.shape() != shape) throw ShapeError(text(op, ": ", what, " must be ", shape, ", got ", v.shape()));
  if (v.dtype() != dtype) throw DTypeError(text(op, ": input is ", dtype, ", ", what, " is ", v.dtype()));
  return v;
}

Shape columns_of(const char* op, const Variable& x) {
  if (x.rank() != 2) throw ShapeError(text(op, ": input must be (N, F), got ", x.shape()));
  return {x.size(1)};
}

/// Runs f(first, count) on pieces of the columns, whole blocks of the kernels; on several threads if x is large.
template <class F>
void by_columns(const Shape& x, F&& f) {
  const Index columns = std::max<Index>(64, detail::parallel_grain / std::max<Index>(1, x[0]) / 64 * 64);
  detail::parallel_for(x[1], columns, [&](Index begin, Index end) { f(begin, end - begin); });
}

/// 1 / sqrt(variance + eps).
template <class T>
Tensor inverse_std_of(const Tensor& variance, double eps) {
  Tensor result(variance.shape(), variance.dtype());
  kernels::kernels<T>().normalize.inverse_std(variance.raw<T>(), static_cast<T>(eps), variance.numel(),
                                              result.raw<T>());
  return result;
}

template <class T>
void apply(const Tensor& x, const Tensor& mean, const Tensor& inverse_std, const Tensor& weight, const Tensor& bias,
           Tensor& y) {
  const auto kernel = kernels::kernels<T>().normalize.apply;
  by_columns(x.shape(), [&](Index j, Index count) {
    kernel(x.raw<T>() + j, x.shape()[0], count, x.shape()[1], mean.raw<T>() + j, inverse_std.raw<T>() + j,
           weight.raw<T>() + j, bias.raw<T>() + j, y.raw<T>() + j);
  });
}

/// The gradients of batch_norm's input, weight and bias, in one sweep over the columns.
std::array<Tensor, 3> batch_norm_pullback(Tensor dy, const Tensor& x, const Tensor& mean, const Tensor& inverse_std,
                                          const Tensor& weight) {
  Tensor dx = dy.unique() ? dy : Tensor(x.shape(), x.dtype());
  Tensor dweight(weight.shape(), x.dtype()), dbias(weight.shape(), x.dtype());
  detail::visit_floating("batch_norm", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto kernel = kernels::kernels<T>().normalize.pullback;
    by_columns(x.shape(), [&](Index j, Index count) {
      kernel(dy.raw<T>() + j, x.raw<T>() + j, x.shape()[0], count, x.shape()[1], mean.raw<T>() + j,
             inverse_std.raw<T>() + j, weight.raw<T>() + j, dx.raw<T>() + j, dweight.raw<T>() + j, dbias.raw<T>() + j);
    });
  });
  return {std::move(dx), std::move(dweight), std::move(dbias)};
}

/// x less its mean along dims, over its standard deviation; and what it was multiplied by.
template <class V>
struct Normalized {
  V z, inverse_std;
};

template <class V>
Normalized<V> normalize(const V& x, const Dims& dims, double eps) {
  const V centered = x - mean(x, dims, true);
  V inverse_std = 1.0 / sqrt(mean(square(centered), dims, true) + eps);
  return {centered * inverse_std, std::move(inverse_std)};
}

/// The gradient of x from that of z.
template <class V>
V normalize_pullback(V dz, const Normalized<V>& x, const Dims& dims) {
  const V slope = mean(dz * x.z, dims, true), offset = mean(dz, dims, true);
  return (std::move(dz) - x.z * slope - offset) * x.inverse_std;
}

}  // namespace

Variable batch_norm(const Variable& x, const Variable& weight, const Variable& bias, double eps,
                    BatchMoments* moments) {
  const Shape columns = columns_of("batch_norm", x);
  if (x.size(0) < 2) throw ShapeError(text("batch_norm: training needs at least two rows, got ", x.shape()));
  const Variable w = or_constant("batch_norm", "weight", weight, 1.0, columns, x.dtype());
  const Variable b = or_constant("batch_norm", "bias", bias, 0.0, columns, x.dtype());
  BatchMoments m{Tensor(columns, x.dtype()), Tensor(columns, x.dtype())};
  Tensor inverse_std, y(x.shape(), x.dtype());
  detail::visit_floating("batch_norm", x.dtype(), [&](auto type) {
    using T = decltype(type);
    const Tensor& in = x.value();
    by_columns(in.shape(), [&](Index j, Index count) {
      kernels::kernels<T>().normalize.statistics(in.raw<T>() + j, in.shape()[0], count, in.shape()[1],
                                                 m.mean.raw<T>() + j, m.variance.raw<T>() + j);
    });
    inverse_std = inverse_std_of<T>(m.variance, eps);
    apply<T>(in, m.mean, inverse_std, w.value(), b.value(), y);
  });
  if (moments) *moments = m;
  return record("batch_norm", std::move(y), {x, w, b}, [x, w, mean = m.mean, inverse_std, eps](auto dy) {
    if constexpr (std::is_same_v<decltype(dy), Tensor>) {
      return batch_norm_pullback(std::move(dy), x.value(), mean, inverse_std, w.value());
    } else {
      const Normalized<Variable> n = normalize(x, 0, eps);
      return std::array{normalize_pullback(dy * w, n, 0), sum(dy * n.z, 0), sum(dy, 0)};
    }
  });
}

Variable batch_norm_with(const Variable& x, const Variable& mean, const Variable& variance, const Variable& weight,
                         const Variable& bias, double eps) {
  const Shape columns = columns_of("batch_norm", x);
  const Variable w = or_constant("batch_norm", "weight", weight, 1.0, columns, x.dtype());
  const Variable b = or_constant("batch_norm", "bias", bias, 0.0, columns, x.dtype());
  or_constant("batch_norm", "mean", mean, 0.0, columns, x.dtype());
  or_constant("batch_norm", "variance", variance, 1.0, columns, x.dtype());
  Tensor inverse_std, y(x.shape(), x.dtype());
  detail::visit_floating("batch_norm", x.dtype(), [&](auto type) {
    inverse_std = inverse_std_of<decltype(type)>(variance.value(), eps);
    apply<decltype(type)>(x.value(), mean.value(), inverse_std, w.value(), b.value(), y);
  });
  return record("batch_norm", std::move(y), {x, w, b}, [x, w, mean, inverse_std](auto dy) {
    const auto z = (like(dy, x) - like(dy, mean)) * inverse_std;
    return std::array{dy * (like(dy, w) * inverse_std), sum(dy * z, 0), sum(dy, 0)};
  });
}

Variable layer_norm(const Variable& x, const Shape& normalized, const Variable& weight, const Variable& bias,
                    double eps) {
  if (!is_floating(x.dtype())) detail::refuse_dtype("layer_norm", x.dtype());
  const int outer = x.rank() - normalized.rank();
  bool fits = outer >= 0;
  for (int d = 0; fits && d < normalized.rank(); ++d) fits = x.shape()[outer + d] == normalized[d];
  if (!fits) throw ShapeError(text("layer_norm: the last sizes of ", x.shape(), " must be ", normalized));
  const Variable w = or_constant("layer_norm", "weight", weight, 1.0, normalized, x.dtype());
  const Variable b = or_constant("layer_norm", "bias", bias, 0.0, normalized, x.dtype());

  Shape rows{1, normalized.numel()};
  for (int d = 0; d < outer; ++d) rows[0] *= x.size(d);
  const Shape row{rows[1]};
  const Normalized<Tensor> n = normalize(x.value().reshape(rows), 1, eps);
  Tensor y = (n.z * w.value().reshape(row) + b.value().reshape(row)).reshape(x.shape());
  return record("layer_norm", std::move(y), {x, w, b}, [x, w, n, rows, row, eps](auto dy) {
    const auto g = reshape(dy, rows);
    const auto gradients = [&](const auto& normal) {
      return std::array{reshape(normalize_pullback(g * reshape(like(dy, w), row), normal, 1), x.shape()),
                        reshape(sum(g * normal.z, 0), w.shape()), reshape(sum(g, 0), w.shape())};
    };
    if constexpr (std::is_same_v<decltype(dy), Tensor>)
      return gradients(n);
    else
      return gradients(normalize(reshape(x, rows), 1, eps));
  });
}

namespace {

/// running = (1 - momentum) running + momentum scale batch, in place; once for an update.
void move_towards(const Variable& running, const Tensor& batch, double momentum, double scale) {
  if (reevaluating()) return;
  Tensor value = running.value();
  detail::visit_floating("BatchNorm1d", value.dtype(), [&](auto type) {
    using T = decltype(type);
    kernels::kernels<T>().normalize.move(batch.raw<T>(), static_cast<T>(1.0 - momentum),
                                         static_cast<T>(momentum * scale), batch.numel(), value.mutable_data<T>());
  });
}

const BatchNormOptions& checked(const BatchNormOptions& options) {
  if (!(options.eps >= 0.0)) throw std::invalid_argument(text("BatchNorm1d: eps must be >= 0, got ", options.eps));
  if (!(options.momentum >= 0.0 && options.momentum <= 1.0))
    throw std::invalid_argument(text("BatchNorm1d: momentum must be in [0, 1], got ", options.momentum));
  return options;
}

}  // namespace

BatchNorm1d::BatchNorm1d(Index features, const BatchNormOptions& options)
    : weight(options.affine ? register_parameter("weight", ones({features})) : Variable()),
      bias(options.affine ? register_parameter("bias", zeros({features})) : Variable()),
      running_mean(register_buffer("running_mean", zeros({features}))),
      running_var(register_buffer("running_var", ones({features}))),
      options_(checked(options)) {}

Variable BatchNorm1d::forward(const Variable& x) {
  if (x.rank() != 2 || x.size(1) != running_mean.numel())
    throw ShapeError(text("BatchNorm1d: input must be (N, ", running_mean.numel(), "), got ", x.shape()));
  if (x.dtype() != running_mean.dtype())
    throw DTypeError(text("BatchNorm1d: input is ", x.dtype(), ", the module is ", running_mean.dtype()));
  if (!training()) return batch_norm_with(x, running_mean, running_var, weight, bias, options_.eps);
  BatchMoments moments;
  Variable y = batch_norm(x, weight, bias, options_.eps, &moments);
  const double rows = static_cast<double>(x.size(0));
  move_towards(running_mean, moments.mean, options_.momentum, 1.0);
  move_towards(running_var, moments.variance, options_.momentum, rows / (rows - 1.0));
  return y;
}

std::string BatchNorm1d::describe() const { return text("BatchNorm1d(", running_mean.numel(), ")"); }

LayerNorm::LayerNorm(const Shape& normalized, const LayerNormOptions& options)
    : weight(options.affine ? register_parameter("weight", ones(normalized)) : Variable()),
      bias(options.affine ? register_parameter("bias", zeros(normalized)) : Variable()),
      normalized_(normalized),
      eps_(options.eps) {
  if (!(eps_ >= 0.0)) throw std::invalid_argument(text("LayerNorm: eps must be >= 0, got ", eps_));
}

std::string LayerNorm::describe() const {
  return normalized_.rank() == 1 ? text("LayerNorm(", normalized_[0], ")") : text("LayerNorm(", normalized_, ")");
}

}  // namespace ravine::nn
