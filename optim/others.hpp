/// @file
/// The optimizers that few trainings use, or that are more than a rule for one element.
#pragma once

#include <ravine/optim/coupled/dadapt_adam.hpp>
#include <ravine/optim/coupled/prodigy.hpp>
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
#include <ravine/optim/factored_adam.hpp>
#include <ravine/optim/lbfgs.hpp>
#include <ravine/optim/lookahead.hpp>
#include <ravine/optim/parameterwise/adafactor.hpp>
#include <ravine/optim/parameterwise/cautious.hpp>
#include <ravine/optim/parameterwise/lamb.hpp>
#include <ravine/optim/parameterwise/lars.hpp>
#include <ravine/optim/parameterwise/mars.hpp>
#include <ravine/optim/parameterwise/muon.hpp>
#include <ravine/optim/parameterwise/novograd.hpp>
#include <ravine/optim/parameterwise/shampoo.hpp>
#include <ravine/optim/parameterwise/sm3.hpp>
#include <ravine/optim/parameterwise/soap.hpp>
#include <ravine/optim/rules.hpp>
#include <ravine/optim/sam.hpp>

namespace ravine::detail {

// clang-format off
using Others = OptimizerList<
    optim::AdaBound,
    optim::Adafactor,
    optim::Adamax,
    optim::Adan,
    optim::AdEMAMix,
    optim::ADOPT,
    optim::AggMo,
    optim::AMSGrad,
    optim::ASGD,
    optim::CautiousAdamW,
    optim::CautiousLion,
    optim::DAdaptAdam,
    optim::FactoredAdam,
    optim::Grams,
    optim::LAMB,
    optim::LARS,
    optim::LBFGS,
    optim::Lookahead,
    optim::MADGRAD,
    optim::MARS,
    optim::Muon,
    optim::NovoGrad,
    optim::Prodigy,
    optim::QHAdam,
    optim::QHM,
    optim::RAdam,
    optim::Rprop,
    optim::SAM,
    optim::ScheduleFreeAdamW,
    optim::ScheduleFreeSGD,
    optim::Shampoo,
    optim::SignSGD,
    optim::Signum,
    optim::SM3,
    optim::SOAP,
    optim::Sophia,
    optim::Yogi>;
// clang-format on

}  // namespace ravine::detail
