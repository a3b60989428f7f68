// From a case of a trajectory file to the optimizer, schedule, clipping and regularizer it names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ravine/optim/optim.hpp>

#include "golden_functions.hpp"

namespace golden {

using Params = std::vector<ravine::Variable>;

/// None of the classes is what a case asks for.
struct NotExpressible : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Throws Unknown for an optimizer, an option or an option's word that is not known, NotExpressible for options that no
/// class takes together.
std::unique_ptr<ravine::optim::Optimizer> make_optimizer(const Json& one_case, const Params& params);

/// alpha_t / alpha for the base rate alpha.
double lr_factor(const Json& schedule, double base, ravine::Index t);
/// lambda g(theta).
ravine::Variable regularizer(const Json& regularizer, const ravine::Variable& theta);
/// Clips the gradients, which there must be.
void clip(const Json& clipping, const Params& params);

}  // namespace golden
