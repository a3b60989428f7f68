/// @file
/// The one list of the library's own optimizers that are more than a rule for one element.
#pragma once

#include <ravine/optim/coupled/dadapt_adam.hpp>
#include <ravine/optim/coupled/prodigy.hpp>
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
    optim::Adafactor,
    optim::CautiousAdamW,
    optim::CautiousLion,
    optim::DAdaptAdam,
    optim::FactoredAdam,
    optim::LAMB,
    optim::LARS,
    optim::LBFGS,
    optim::Lookahead,
    optim::MARS,
    optim::Muon,
    optim::NovoGrad,
    optim::Prodigy,
    optim::SAM,
    optim::Shampoo,
    optim::SM3,
    optim::SOAP>;
// clang-format on

}  // namespace ravine::detail
