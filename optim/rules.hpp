/// @file
/// The one list of the library's own optimizers that are a rule for one element.
#pragma once

#include <ravine/optim/adahessian.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/adaptive.hpp>
#include <ravine/optim/lion.hpp>
#include <ravine/optim/sgd.hpp>

namespace ravine::detail {

/// Optimizers that say `built_in`: their loops are compiled for each instruction set.
template <class... O>
struct RuleList {
  static_assert((O::built_in && ...),
                "an optimizer of this list says `built_in`, or its rule is compiled by its users");
  static constexpr std::size_t size = sizeof...(O);
};

// clang-format off
using Rules = RuleList<
    optim::AdaBelief,
    optim::AdaDelta,
    optim::AdaGrad,
    optim::AdaHessian,
    optim::Adam,
    optim::AdamW,
    optim::Lion,
    optim::NAdam,
    optim::RMSProp,
    optim::SGD>;
// clang-format on

}  // namespace ravine::detail
