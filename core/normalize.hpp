/// @file
/// Normalization of the columns or the rows of a matrix; for the library's sources, not its public headers.
#pragma once

#include <array>

#include <ravine/core/tensor.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// What has mean 0 and mean square 1 afterwards. About 0 the mean is left alone, and the mean square is scaled.
enum class Lines { columns, rows, rows_about_0 };

// x of any shape is taken as (N, F), where weight and bias have F elements.

/// What each line of x is normalized by, (4, lines): its mean, what that lost when it was rounded, mean squared
/// deviation, and 1 / sqrt of that + eps. They are what arithmetic without bounds of digits and range would give.
/// Throws std::out_of_range, naming `op`, for values so far apart that their type cannot hold 1 / std.
Tensor moments(const char* op, const Tensor& x, Index columns, Lines lines, double eps);
/// The same into `result`; false if values lie so far apart.
bool find_moments(const Tensor& x, Index columns, Lines lines, double eps, Tensor& result);
/// The same for a given mean and variance of each line.
Tensor moments_from(const Tensor& mean, const Tensor& variance, double eps);

/// (x - mean) inverse_std weight + bias.
Tensor normalize(const Tensor& x, Lines lines, const Tensor& moments, const Tensor& weight, const Tensor& bias);
/// The gradients of x, weight and bias where the moments are x's.
std::array<Tensor, 3> normalize_pullback(Tensor dy, const Tensor& x, Lines lines, const Tensor& moments,
                                         const Tensor& weight);

/// running = (1 - momentum) running + momentum scale batch, in place. Throws std::out_of_range, naming `what`, and
/// changes nothing if running's type cannot hold one of the values.
void move_towards(const char* what, Tensor& running, const Tensor& batch, double momentum, double scale);

}  // namespace ravine::detail
#pragma GCC visibility pop
