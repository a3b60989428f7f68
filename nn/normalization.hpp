/// @file
/// Normalization of the values in a net: over the batch, and over the features of each example.
#pragma once

#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// Mean and mean squared deviation of each column, (F) both.
struct BatchMoments {
  Tensor mean, variance;
};

/// z weight + bias for z = (x - mean) / sqrt(variance + eps), with the moments of x's own columns.
///   x             (N, F)
///   weight, bias  (F), or undefined for 1 and 0
///   moments       receives the moments, unless null
/// Throws ShapeError for other shapes and for fewer than two rows.
/// Source: Ioffe, Szegedy: Batch normalization (2015).
Variable batch_norm(const Variable& x, const Variable& weight = {}, const Variable& bias = {}, double eps = 1e-5,
                    BatchMoments* moments = nullptr);

/// The same with a given mean and variance, (F) both, which are constants.
Variable batch_norm_with(const Variable& x, const Variable& mean, const Variable& variance, const Variable& weight = {},
                         const Variable& bias = {}, double eps = 1e-5);

/// z weight + bias for z = (x - mean) / sqrt(variance + eps), with the moments over x's last dimensions.
///   x             (…, normalized…)
///   weight, bias  of shape `normalized`, or undefined for 1 and 0
/// Throws ShapeError for other shapes.
/// Source: Ba, Kiros, Hinton: Layer normalization (2016).
Variable layer_norm(const Variable& x, const Shape& normalized, const Variable& weight = {}, const Variable& bias = {},
                    double eps = 1e-5);

struct BatchNormOptions {
  double eps = 1e-5;      ///< added to the variance, >= 0
  double momentum = 0.1;  ///< weight of the new batch in the running statistics, in [0, 1]
  bool affine = true;     ///< scale and shift by trained `weight` and `bias`
};

/// Batch normalization of (N, features). In training it uses the moments of the batch, of at least two rows, and moves
/// the running mean and the running variance (the unbiased estimate) towards them; in evaluation it uses the running
/// ones.
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

 private:
  BatchNormOptions options_;
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

  Variable forward(const Variable& x) override { return layer_norm(x, normalized_, weight, bias, eps_); }
  std::string describe() const override;

  const Variable weight;  ///< of shape `normalized`, starts as 1; undefined if not affine
  const Variable bias;    ///< of shape `normalized`, starts as 0; undefined if not affine

 private:
  Shape normalized_;
  double eps_;
};

}  // namespace ravine::nn
