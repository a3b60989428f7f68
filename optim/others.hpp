/// @file
/// The one list of the library's own optimizers that are more than a rule for one element.
#pragma once

#include <ravine/optim/factored_adam.hpp>
#include <ravine/optim/lbfgs.hpp>
#include <ravine/optim/sam.hpp>

namespace ravine::detail {

template <class... O>
struct OtherList {};

// clang-format off
using Others = OtherList<
    optim::FactoredAdam,
    optim::LBFGS,
    optim::SAM>;
// clang-format on

}  // namespace ravine::detail
