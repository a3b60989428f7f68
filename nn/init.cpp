#include <ravine/nn/init.hpp>

#include <cmath>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/text.hpp>

namespace ravine::nn::init {
namespace {

void assign(const Variable& parameter, const Tensor& values) {
  Tensor value = parameter.value();
  value.copy_from(values);
}

double fan(const char* op, const Variable& weight, Fan which) {
  if (weight.rank() != 2) throw ShapeError(detail::text(op, ": needs a weight (out, in), got ", weight.shape()));
  return static_cast<double>(weight.size(which == Fan::in ? 1 : 0));
}

double xavier_std(const char* op, const Variable& weight, double gain) {
  return gain * std::sqrt(2.0 / (fan(op, weight, Fan::in) + fan(op, weight, Fan::out)));
}

double kaiming_std(const char* op, const Variable& weight, const KaimingOptions& options) {
  return std::sqrt(2.0 / ((1.0 + options.a * options.a) * fan(op, weight, options.mode)));
}

/// Uniform in (-b, b) with this standard deviation, b / sqrt(3).
void uniform_of_std(const Variable& weight, double std, Generator& generator) {
  if (weight.numel() > 0) uniform(weight, -std::sqrt(3.0) * std, std::sqrt(3.0) * std, generator);
}

void normal_of_std(const Variable& weight, double std, Generator& generator) {
  if (weight.numel() > 0) normal(weight, 0.0, std, generator);
}

}  // namespace

void constant(const Variable& parameter, double value) {
  Tensor filled = parameter.value();
  filled.fill(value);
}

void zeros(const Variable& parameter) { constant(parameter, 0.0); }

void uniform(const Variable& parameter, double low, double high, Generator& generator) {
  assign(parameter, ravine::uniform(parameter.shape(), low, high, parameter.dtype(), generator));
}

void normal(const Variable& parameter, double mean, double std, Generator& generator) {
  if (!(std >= 0.0)) throw std::invalid_argument(detail::text("normal: std must be >= 0, got ", std));
  assign(parameter, randn(parameter.shape(), parameter.dtype(), generator) * std + mean);
}

void xavier_uniform(const Variable& weight, double gain, Generator& generator) {
  uniform_of_std(weight, xavier_std("xavier_uniform", weight, gain), generator);
}

void xavier_normal(const Variable& weight, double gain, Generator& generator) {
  normal_of_std(weight, xavier_std("xavier_normal", weight, gain), generator);
}

void kaiming_uniform(const Variable& weight, const KaimingOptions& options, Generator& generator) {
  uniform_of_std(weight, kaiming_std("kaiming_uniform", weight, options), generator);
}

void kaiming_normal(const Variable& weight, const KaimingOptions& options, Generator& generator) {
  normal_of_std(weight, kaiming_std("kaiming_normal", weight, options), generator);
}

}  // namespace ravine::nn::init
