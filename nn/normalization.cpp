#include <ravine/nn/normalization.hpp>

#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/normalize.hpp>
#include <ravine/core/text.hpp>

namespace ravine::nn {
namespace {

using detail::text;

void check_eps(const char* layer, double eps) {
  if (!(eps >= 0.0)) throw std::invalid_argument(text(layer, ": eps must be >= 0, got ", eps));
}

const BatchNormOptions& checked(const BatchNormOptions& options) {
  check_eps("BatchNorm1d", options.eps);
  if (!(options.momentum >= 0.0 && options.momentum <= 1.0))
    throw std::invalid_argument(text("BatchNorm1d: momentum must be in [0, 1], got ", options.momentum));
  return options;
}

std::string describe_as(const char* layer, const Shape& normalized) {
  return normalized.rank() == 1 ? text(layer, "(", normalized[0], ")") : text(layer, "(", normalized, ")");
}

}  // namespace

BatchNorm1d::BatchNorm1d(Index features, const BatchNormOptions& options)
    : weight(options.affine ? register_parameter("weight", ones({features})) : Variable()),
      bias(options.affine ? register_parameter("bias", zeros({features})) : Variable()),
      running_mean(register_buffer("running_mean", zeros({features}))),
      running_var(register_buffer("running_var", ones({features}))),
      options(checked(options)) {}

Variable BatchNorm1d::forward(const Variable& x) {
  if (x.rank() != 2 || x.size(1) != running_mean.numel())
    throw ShapeError(text("BatchNorm1d: input must be (N, ", running_mean.numel(), "), got ", x.shape()));
  if (x.dtype() != running_mean.dtype())
    throw DTypeError(text("BatchNorm1d: input is ", x.dtype(), ", the module is ", running_mean.dtype()));
  if (!training()) return batch_norm_with(x, running_mean, running_var, weight, bias, options.eps);
  BatchMoments moments;
  Variable y = batch_norm(x, weight, bias, options.eps, &moments);
  if (reevaluating() || options.momentum == 0.0) return y;
  Tensor mean = running_mean.value(), variance = running_var.value();
  detail::move_towards("BatchNorm1d: running_var", variance, moments.variance, options.momentum,
                       moments.rows / (moments.rows - 1.0));
  detail::move_towards("BatchNorm1d: running_mean", mean, moments.mean, options.momentum, 1.0);
  return y;
}

std::string BatchNorm1d::describe() const { return text("BatchNorm1d(", running_mean.numel(), ")"); }

LayerNorm::LayerNorm(const Shape& normalized, const LayerNormOptions& options)
    : weight(options.affine ? register_parameter("weight", ones(normalized)) : Variable()),
      bias(options.affine ? register_parameter("bias", zeros(normalized)) : Variable()),
      normalized(normalized),
      eps(options.eps) {
  check_eps("LayerNorm", eps);
}

std::string LayerNorm::describe() const { return describe_as("LayerNorm", normalized); }

RMSNorm::RMSNorm(const Shape& normalized, const RMSNormOptions& options)
    : weight(options.affine ? register_parameter("weight", ones(normalized)) : Variable()),
      normalized(normalized),
      eps(options.eps) {
  check_eps("RMSNorm", eps.value_or(0.0));
}

std::string RMSNorm::describe() const { return describe_as("RMSNorm", normalized); }

}  // namespace ravine::nn
