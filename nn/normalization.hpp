/// @file
/// Layers that normalize the values in a net: over the batch, and over the features of each example.
#pragma once

#include <optional>

#include <ravine/autograd/normalize.hpp>
#include <ravine/nn/module.hpp>

namespace ravine::nn {

using ravine::batch_norm;
using ravine::batch_norm_with;
using ravine::BatchMoments;
using ravine::layer_norm;
using ravine::rms_norm;

struct BatchNormOptions {
  double eps = 1e-5;      ///< added to the variance, >= 0
  double momentum = 0.1;  ///< weight of the new batch in the running statistics, in [0, 1]
  bool affine = true;     ///< scale and shift by trained `weight` and `bias`
};

/// Batch normalization of (N, features). In training it uses the moments of the batch, of at least two rows, and moves
/// the running mean and the running variance (the unbiased estimate) towards them; in evaluation it uses the running
/// ones. Where the layer's type cannot hold a running variance, `forward` throws std::out_of_range and moves neither.
class BatchNorm1d final : public Module {
 public:
  /// Throws std::invalid_argument for a negative size or an option out of its range.
  explicit BatchNorm1d(Index features, const BatchNormOptions& options = {});

  Variable forward(const Variable& x) override;
  std::string describe() const override;

  const Variable weight;        ///< (features), starts as 1; undefined if not affine
  const Variable bias;          ///< (features), starts as 0; undefined if not affine
  const Variable running_mean;  ///< (features), starts as 0
  const Variable running_var;   ///< (features), starts as 1
  const BatchNormOptions options;
};

struct LayerNormOptions {
  double eps = 1e-5;   ///< added to the variance, >= 0
  bool affine = true;  ///< scale and shift by trained `weight` and `bias`
};

/// Layer normalization over the last dimensions, of shape `normalized`; the same in training and evaluation.
class LayerNorm final : public Module {
 public:
  explicit LayerNorm(Index features, const LayerNormOptions& options = {}) : LayerNorm(Shape{features}, options) {}
  /// Throws std::invalid_argument for a negative eps.
  explicit LayerNorm(const Shape& normalized, const LayerNormOptions& options = {});

  Variable forward(const Variable& x) override { return layer_norm(x, normalized, weight, bias, eps); }
  std::string describe() const override;

  const Variable weight;  ///< of shape `normalized`, starts as 1; undefined if not affine
  const Variable bias;    ///< of shape `normalized`, starts as 0; undefined if not affine
  const Shape normalized;
  const double eps;
};

struct RMSNormOptions {
  std::optional<double> eps = {};  ///< added to the mean square, >= 0; that of rms_norm if none is given
  bool affine = true;              ///< scale by trained `weight`
};

/// Normalization by the root of the mean square over the last dimensions, of shape `normalized`; the same in training
/// and evaluation.
class RMSNorm final : public Module {
 public:
  explicit RMSNorm(Index features, const RMSNormOptions& options = {}) : RMSNorm(Shape{features}, options) {}
  /// Throws std::invalid_argument for a negative eps.
  explicit RMSNorm(const Shape& normalized, const RMSNormOptions& options = {});

  Variable forward(const Variable& x) override { return rms_norm(x, normalized, weight, eps); }
  std::string describe() const override;

  const Variable weight;  ///< of shape `normalized`, starts as 1; undefined if not affine
  const Shape normalized;
  const std::optional<double> eps;
};

}  // namespace ravine::nn
