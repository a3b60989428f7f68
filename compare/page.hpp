/// @file
/// A comparison as a page to look at.
#pragma once

#include <ravine/compare/results.hpp>
#include <ravine/report/page.hpp>

namespace ravine::compare {

/// What a comparison found: of each problem with two parameters the paths of the first scoring seed, of networks the
/// same on planes (the paths' principal components, random directions, the Hessian's leading eigenvectors), of all the
/// losses by steps, evaluations and time and the final loss against the rate; and the figures of all problems. Of an
/// interrupted comparison what there is. Networks are trained once more from the first scoring seed, to see where they
/// went.
report::Page page(const Results& results);

}  // namespace ravine::compare
