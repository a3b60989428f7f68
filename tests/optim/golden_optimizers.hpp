// From a case of a trajectory file to the optimizer, schedule, clipping and regularizer it names.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <ravine/optim/optim.hpp>

#include "golden_functions.hpp"

namespace golden {

using Params = std::vector<ravine::Variable>;

/// An optimizer, or the reason why none of the classes is what the case asks for.
struct Made {
  std::unique_ptr<ravine::optim::Optimizer> optimizer;
  std::string why_not;
};

/// Throws std::runtime_error for an optimizer, an option or an option's value that is not known.
Made make_optimizer(const Json& one_case, const Params& params);

/// alpha_t / alpha for the base rate alpha.
double lr_factor(const Json& schedule, double base, ravine::Index t);
/// lambda g(theta).
ravine::Variable regularizer(const Json& regularizer, const ravine::Variable& theta);
/// Clips the gradients, which there must be.
void clip(const Json& clipping, const Params& params);

}  // namespace golden
