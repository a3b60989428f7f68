#include <ravine/nn/linear.hpp>

#include <cmath>

#include <ravine/autograd/linalg.hpp>
#include <ravine/core/text.hpp>

namespace ravine::nn {
namespace {

/// PyTorch's start: kaiming_uniform with a = sqrt(5), whose bound is 1 / sqrt(in).
Tensor initial(const Shape& shape, Index in, Generator& generator) {
  if (in < 0 || shape[0] < 0)
    throw std::invalid_argument(detail::text("Linear: sizes must not be negative, got ", in, " and ", shape[0]));
  const double bound = in > 0 ? 1.0 / std::sqrt(static_cast<double>(in)) : 0.0;
  return uniform(shape, -bound, bound, generator);
}

}  // namespace

Linear::Linear(Index in, Index out, bool with_bias, Generator& generator)
    : weight(register_parameter("weight", initial({out, in}, in, generator))),
      bias(with_bias ? register_parameter("bias", initial({out}, in, generator)) : Variable()) {}

Variable Linear::forward(const Variable& x) { return linear(x, weight, bias); }

std::string Linear::describe() const {
  return detail::text("Linear(", weight.size(1), ", ", weight.size(0), bias.defined() ? ")" : ", bias = false)");
}

}  // namespace ravine::nn
