#include <ravine/nn/dropout.hpp>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>

namespace ravine::nn {

Dropout::Dropout(double p) : p_(p) {
  if (!(p >= 0.0 && p < 1.0)) throw std::invalid_argument(detail::text("Dropout: p must be in [0, 1), got ", p));
}

Variable Dropout::forward(const Variable& x) {
  if (!training() || p_ == 0.0) return x;
  ravine::detail::check_floating("Dropout", x.value());
  const Tensor kept = ge(uniform(x.shape(), 0.0, 1.0, x.dtype()), p_);
  return x * Variable(kept.to(x.dtype()) * (1.0 / (1.0 - p_)));
}

std::string Dropout::describe() const { return detail::text("Dropout(", p_, ")"); }

}  // namespace ravine::nn
