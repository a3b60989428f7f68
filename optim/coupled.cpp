#include <ravine/optim/coupled.hpp>

#include <ravine/core/elementwise.hpp>

namespace ravine::detail {

double sum_of_sizes(const Tensor& x) { return dot(sign(x), x); }

}  // namespace ravine::detail
