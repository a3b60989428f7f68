// The check that every layer and loss goes through.
#pragma once

#include <doctest/doctest.h>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include "../core/reference.hpp"

/// First and second derivatives against differences; and the gradient that is recorded, and so can be differentiated,
/// against the plain one, which may come from code of its own.
inline void check_gradients(ravine::FunctionOfMany f, const std::vector<ravine::Tensor>& inputs) {
  const auto report = ravine::gradcheck(f, inputs, {.second_order = true});
  CHECK_MESSAGE(report, report.message);

  std::vector<ravine::Variable> x;
  for (const ravine::Tensor& input : inputs) x.push_back(ravine::parameter(input));
  const ravine::Variable y = f(x);
  const ravine::Variable weighted = sum(y * ravine::Variable(random_tensor(y.shape(), ravine::f64, 99)));
  const auto plain = grad(weighted, x, {.retain_graph = true});
  const auto recorded = grad(weighted, x, {.create_graph = true});
  for (std::size_t k = 0; k < x.size(); ++k) CHECK(worst_error(recorded[k].value(), values(plain[k].value())) < 1e-12);
}
