/// @file
/// The contenders: optimizers with options, some fixed and some to be tuned, and schedules.
#pragma once

#include <string>
#include <vector>

#include <ravine/core/dtype.hpp>

namespace ravine::compare {

/// Where an option is looked for: evenly between the ends, of its logarithm or of itself.
struct SearchRange {
  std::string option;  ///< "lr"; "base.lr" is that of the optimizer which this one wraps
  double low, high;
  bool logarithmic = true;
};

/// An optimizer as optim::make takes it, perhaps with a schedule.
struct Method {
  std::string name;                ///< as it was typed
  std::string options;             ///< the same, with what the comparison fixes: "lbfgs:max_iterations=1"
  std::vector<SearchRange> space;  ///< what is tuned; a program may change it
};

/// A method by its name: "adam", "sgd:momentum=0.9,nesterov=lookahead", "sam(sgd:momentum=0.9):rho=0.05",
/// "adam+cosine". Options that are given are fixed, others of the search space are tuned. A schedule's total_steps is
/// what the budget is enough for. Throws std::invalid_argument as optim::make and optim::make_schedule.
Method method(const std::string& name);

/// The names of a comparison of all: every optimizer that optim::make knows, and SGD's forms of momentum.
std::vector<std::string> method_names();

/// What `method(name).space` is before any option is given: of an optimizer that a program has registered, its rate
/// from 1e-4 to 1.
std::vector<SearchRange> search_space(const std::string& optimizer);

/// Trial k = 0, 1, … as a method's text, with all that is tuned set to point k of a Halton sequence over the search
/// space, to four digits: "adam:lr=0.01". Throws std::invalid_argument for more than ten ranges, and for one that does
/// not ascend, or not from above 0 on a logarithmic scale. Source: Halton, Numerische Mathematik 2 (1960).
std::string trial_options(const Method& method, Index trial);

}  // namespace ravine::compare
