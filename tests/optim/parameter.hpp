// A parameter to optimize: f64, with these values.
#pragma once

#include <ravine/autograd/variable.hpp>
#include <ravine/core/factories.hpp>

inline ravine::Variable parameter(std::initializer_list<ravine::Scalar> values) {
  return ravine::parameter(ravine::tensor(values, ravine::f64));
}
