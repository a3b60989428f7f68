/// @file
/// Initial values: each function overwrites a parameter in place.
///
/// Weights are (out, in), so that their fan in is the second size and their fan out the first. The functions that need
/// them throw ShapeError for another rank.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/random.hpp>

namespace ravine::nn::init {

void constant(const Variable& parameter, double value);
void zeros(const Variable& parameter);
/// Uniform in [low, high).
void uniform(const Variable& parameter, double low = 0.0, double high = 1.0,
             Generator& generator = default_generator());
/// Normal. Throws std::invalid_argument for std < 0.
void normal(const Variable& parameter, double mean = 0.0, double std = 1.0, Generator& generator = default_generator());

/// Uniform or normal with the standard deviation gain sqrt(2 / (fan in + fan out)), which suits tanh (a gain of 5 / 3
/// makes up for its slope) and sigmoid.
/// Source: Glorot, Bengio: Understanding the difficulty of training deep feedforward neural networks (2010).
void xavier_uniform(const Variable& weight, double gain = 1.0, Generator& generator = default_generator());
void xavier_normal(const Variable& weight, double gain = 1.0, Generator& generator = default_generator());

enum class Fan { in, out };  ///< keep the scale of values (in) or of gradients (out)

struct KaimingOptions {
  double a = 0.0;      ///< slope of the leaky ReLU that follows: 0 for ReLU, 1 for none
  Fan mode = Fan::in;  ///< which fan to divide by
};

/// Uniform or normal with the standard deviation sqrt(2 / ((1 + a^2) fan)), which suits ReLU.
/// Source: He, Zhang, Ren, Sun: Delving deep into rectifiers (2015).
void kaiming_uniform(const Variable& weight, const KaimingOptions& options = {},
                     Generator& generator = default_generator());
void kaiming_normal(const Variable& weight, const KaimingOptions& options = {},
                    Generator& generator = default_generator());

}  // namespace ravine::nn::init
