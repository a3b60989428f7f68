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

namespace ravine::optim {

// rules.cpp has the code of these classes; compiled by a program it would be a tenth of what takes its time.
extern template class Grouped<AdaBeliefOptions>;
extern template class Elementwise<AdaBelief, AdaBeliefOptions>;
extern template class Grouped<AdaDeltaOptions>;
extern template class Elementwise<AdaDelta, AdaDeltaOptions>;
extern template class Grouped<AdaGradOptions>;
extern template class Elementwise<AdaGrad, AdaGradOptions>;
extern template class Grouped<AdaHessianOptions>;
extern template class Elementwise<AdaHessian, AdaHessianOptions>;
extern template class Grouped<AdamOptions>;
extern template class Elementwise<Adam, AdamOptions>;
extern template class Grouped<AdamWOptions>;
extern template class Elementwise<AdamW, AdamWOptions>;
extern template class Grouped<LionOptions>;
extern template class Elementwise<Lion, LionOptions>;
extern template class Grouped<NAdamOptions>;
extern template class Elementwise<NAdam, NAdamOptions>;
extern template class Grouped<RMSPropOptions>;
extern template class Elementwise<RMSProp, RMSPropOptions>;
extern template class Grouped<SGDOptions>;
extern template class Elementwise<SGD, SGDOptions>;

}  // namespace ravine::optim
