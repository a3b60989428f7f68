/// @file
/// Scaling of columns: inputs of like size make gradient descent quick.
#pragma once

#include <string>

#include <ravine/core/state_dict.hpp>
#include <ravine/core/tensor.hpp>

namespace ravine::data {

/// What the scalers share: each column x becomes (x - offset) / scale. Statistics are kept in f64, and so is the
/// arithmetic; results have the type of what was given.
class ColumnScaler {
 public:
  /// (rows, features) to the scaled values. Throws std::logic_error before `fit`; ShapeError for another number of
  /// features; DTypeError unless f32 or f64.
  Tensor transform(const Tensor& x) const;
  /// Undoes `transform`. Throws as it does.
  Tensor inverse_transform(const Tensor& x) const;

  /// The two statistics, (features) f64 each; of size 0 before `fit`.
  StateDict state_dict() const;
  /// Takes over saved statistics. Throws std::invalid_argument if names, shapes or types do not fit; a scaler that has
  /// not been fitted takes any number of features, and the state of one that has not been fitted undoes a fit.
  void load_state_dict(const StateDict& state);

 protected:
  ColumnScaler(std::string name, std::string offset_name);
  void set(Tensor offset, Tensor scale);
  const Tensor& offset() const { return offset_; }
  const Tensor& scale() const { return scale_; }

 private:
  void check(const char* what, const Tensor& x) const;

  std::string name_, offset_name_;
  Tensor offset_, scale_;  // (features)
};

/// Gives every column mean 0 and standard deviation 1: (x - mean) / std, with std^2 = sum (x - mean)^2 / rows. A
/// constant column is divided by 1. Fit it to the training rows, then transform these and all others with it.
class StandardScaler final : public ColumnScaler {
 public:
  StandardScaler() : ColumnScaler("StandardScaler", "mean") {}
  /// The statistics of (rows, features). Throws ShapeError for another rank or no rows; DTypeError unless f32 or f64;
  /// std::invalid_argument if a value, or what a column spans from its least to its largest, is not finite.
  static StandardScaler fit(const Tensor& x);

  const Tensor& mean() const { return offset(); }  ///< (features) f64
  const Tensor& std() const { return scale(); }    ///< (features) f64, 1 for constant columns
};

/// Maps every column to [0, 1]: (x - min) / (max - min). A constant column is divided by 1.
class MinMaxScaler final : public ColumnScaler {
 public:
  MinMaxScaler() : ColumnScaler("MinMaxScaler", "min") {}
  /// As StandardScaler::fit.
  static MinMaxScaler fit(const Tensor& x);

  const Tensor& min() const { return offset(); }   ///< (features) f64
  const Tensor& range() const { return scale(); }  ///< (features) f64: max - min, 1 for constant columns
};

}  // namespace ravine::data
