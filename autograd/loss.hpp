/// @file
/// Differentiable arithmetic of losses; for the library's sources. What comes in has been checked.
#pragma once

#include <ravine/autograd/variable.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The sum of (a - b)^2 over all elements, divided by `count`.
Variable squared_error(const Variable& a, const Variable& b, double count);

/// -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)) of each element, for t in [0, 1].
Variable binary_cross_entropies(const Variable& x, const Variable& t);

/// scale (n (e - n / 2)) of each e = a - b, where n is e within [-delta, delta].
Variable huber_losses(const Variable& a, const Variable& b, double delta, double scale);

/// The cross entropy of each row of scores (N, C) and its class (N); see core/loss.hpp. weight may hold no tensor.
Variable cross_entropies(const Variable& scores, const Variable& classes, const Variable& weight, double smoothing,
                         Index ignored);

}  // namespace ravine::detail
#pragma GCC visibility pop
