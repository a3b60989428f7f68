/// @file
/// Differentiable normalization: over the batch, and over the features of each example.
///
/// Means and variances keep their digits where the values are far from 0 beside their spread, and their range where
/// squares would leave that of the type. All throw ShapeError and DTypeError for what does not fit, and
/// std::out_of_range for values so far apart that their type cannot hold 1 / std (in f32, about 1e38).
#pragma once

#include <optional>

#include <ravine/autograd/variable.hpp>

namespace ravine {

/// Mean and mean squared deviation of each column, (F) both; infinite where their type cannot hold it.
struct BatchMoments {
  Tensor mean, variance;
  double rows = 0.0;  ///< of which they are taken
};

/// z weight + bias for z = (x - mean) / sqrt(variance + eps), with the moments of x's own columns; on a shard, with
/// those of the whole batch's, and then without second derivatives (std::logic_error).
///   x             (N, F)
///   weight, bias  (F), or undefined for 1 and 0
///   moments       receives the moments, unless null
/// Throws ShapeError for other shapes and for fewer than two rows, std::invalid_argument for eps < 0.
/// Source: Ioffe, Szegedy: Batch normalization (2015).
Variable batch_norm(const Variable& x, const Variable& weight = {}, const Variable& bias = {}, double eps = 1e-5,
                    BatchMoments* moments = nullptr);

/// The same with a given mean and variance, (F) both, which are constants.
Variable batch_norm_with(const Variable& x, const Variable& mean, const Variable& variance, const Variable& weight = {},
                         const Variable& bias = {}, double eps = 1e-5);

/// z weight + bias for z = (x - mean) / sqrt(variance + eps), with the moments over x's last dimensions.
///   x             (…, normalized…)
///   weight, bias  of shape `normalized`, or undefined for 1 and 0
/// Throws ShapeError for other shapes, std::invalid_argument for eps < 0.
/// Source: Ba, Kiros, Hinton: Layer normalization (2016).
Variable layer_norm(const Variable& x, const Shape& normalized, const Variable& weight = {}, const Variable& bias = {},
                    double eps = 1e-5);

/// x weight / sqrt(mean(x^2) + eps), with the mean over x's last dimensions.
///   x       (…, normalized…)
///   weight  of shape `normalized`, or undefined for 1
///   eps     if none is given: the distance from 1 to the next number of x's type
/// Throws ShapeError for other shapes, std::invalid_argument for eps < 0.
/// Source: Zhang, Sennrich: Root mean square layer normalization (2019).
Variable rms_norm(const Variable& x, const Shape& normalized, const Variable& weight = {},
                  std::optional<double> eps = {});

}  // namespace ravine
