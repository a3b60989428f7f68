/// @file
/// Differentiable activation functions, elementwise. Floating types only; DTypeError otherwise. At a kink the
/// derivative is the one on the left, as PyTorch takes it: relu'(0) = 0, leaky_relu'(0) = slope.
#pragma once

#include <string_view>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/elementwise.hpp>

namespace ravine {

Variable tanh(const Variable& x);
Variable sigmoid(const Variable& x);
/// max(x, 0). Works in the memory of a temporary.
Variable relu(Variable x);
/// x where x > 0, slope x elsewhere.
Variable leaky_relu(const Variable& x, double slope = 0.01);
/// x where x > 0, alpha (exp(x) - 1) elsewhere.
Variable elu(const Variable& x, double alpha = 1.0);
/// x Phi(x) with the normal distribution's Phi; "tanh" is its approximation
/// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2. Throws std::invalid_argument for another word.
/// Source: Hendrycks, Gimpel: Gaussian error linear units (2016).
Variable gelu(const Variable& x, std::string_view approximate = "none");
/// log(1 + exp(beta x)) / beta. Throws std::invalid_argument unless beta > 0.
Variable softplus(const Variable& x, double beta = 1.0);
/// x sigmoid(x).
Variable silu(const Variable& x);

// The gradients of the first three in terms of the result y, as ops of their own.
Variable tanh_pullback(const Variable& dy, const Variable& y);
Variable sigmoid_pullback(const Variable& dy, const Variable& y);
Variable relu_pullback(Variable dy, const Variable& y);

}  // namespace ravine
