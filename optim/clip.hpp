/// @file
/// Gradient clipping, for an explicit loop between backward() and step(), or for Optimizer::on_gradients:
///
///     optimizer.on_gradients([](const auto& params) { clip_grad_norm(params, 1.0); });
///
/// Parameters without a gradient are skipped. A gradient that something else holds as well is replaced, not written
/// into. Both throw std::invalid_argument unless limit > 0.
#pragma once

#include <vector>

#include <ravine/autograd/variable.hpp>

namespace ravine::optim {

/// Puts every element of the gradients into [-limit, limit]; NaN stays.
void clip_grad_value(const std::vector<Variable>& params, double limit);

/// Scales all gradients by limit / norm if their norm, the Euclidean one of all elements of all parameters together, is
/// above the limit, and returns the norm before, which is worked out in double precision and without overflow.
/// A norm that is not finite scales as well, as in PyTorch: NaN makes every element NaN, infinity makes finite elements
/// 0 and infinite ones NaN. A loop that would rather skip such a step looks at what is returned, and leaves out step();
/// a callback of on_gradients cannot.
double clip_grad_norm(const std::vector<Variable>& params, double limit);

}  // namespace ravine::optim
