/// @file
/// The one list of the library's own optimizers that are a rule for one element.
#pragma once

#include <ravine/optim/adahessian.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/adaptive.hpp>
#include <ravine/optim/elementwise/adabound.hpp>
#include <ravine/optim/elementwise/adamax.hpp>
#include <ravine/optim/elementwise/adan.hpp>
#include <ravine/optim/elementwise/ademamix.hpp>
#include <ravine/optim/elementwise/adopt.hpp>
#include <ravine/optim/elementwise/aggmo.hpp>
#include <ravine/optim/elementwise/amsgrad.hpp>
#include <ravine/optim/elementwise/asgd.hpp>
#include <ravine/optim/elementwise/grams.hpp>
#include <ravine/optim/elementwise/madgrad.hpp>
#include <ravine/optim/elementwise/qhadam.hpp>
#include <ravine/optim/elementwise/qhm.hpp>
#include <ravine/optim/elementwise/radam.hpp>
#include <ravine/optim/elementwise/rprop.hpp>
#include <ravine/optim/elementwise/schedule_free.hpp>
#include <ravine/optim/elementwise/signsgd.hpp>
#include <ravine/optim/elementwise/signum.hpp>
#include <ravine/optim/elementwise/sophia.hpp>
#include <ravine/optim/elementwise/yogi.hpp>
#include <ravine/optim/lion.hpp>
#include <ravine/optim/sgd.hpp>

namespace ravine::detail {

template <class... O>
struct OptimizerList {};

/// They say `built_in`, and their loops are compiled for each instruction set.
// clang-format off
using Rules = OptimizerList<
    optim::AdaBelief,
    optim::AdaBound,
    optim::AdaDelta,
    optim::AdaGrad,
    optim::AdaHessian,
    optim::Adam,
    optim::Adamax,
    optim::AdamW,
    optim::Adan,
    optim::AdEMAMix,
    optim::ADOPT,
    optim::AggMo,
    optim::AMSGrad,
    optim::ASGD,
    optim::Grams,
    optim::Lion,
    optim::MADGRAD,
    optim::NAdam,
    optim::QHAdam,
    optim::QHM,
    optim::RAdam,
    optim::RMSProp,
    optim::Rprop,
    optim::ScheduleFreeAdamW,
    optim::ScheduleFreeSGD,
    optim::SGD,
    optim::SignSGD,
    optim::Signum,
    optim::Sophia,
    optim::Yogi>;
// clang-format on

}  // namespace ravine::detail
