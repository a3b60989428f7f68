/// @file
/// The optimizers that most trainings use, each a rule for one element; others.hpp has the others.
#pragma once

#include <ravine/optim/adahessian.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/adaptive.hpp>
#include <ravine/optim/lion.hpp>
#include <ravine/optim/sgd.hpp>

namespace ravine::detail {

template <class... O>
struct OptimizerList {};

/// Of both lists, those that are a rule for one element say `built_in`: their loops are compiled for each instruction
/// set.
// clang-format off
using Rules = OptimizerList<
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
