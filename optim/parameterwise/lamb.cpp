#include <ravine/optim/parameterwise/lamb.hpp>

#include <cmath>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

detail::Kept LAMB::keeps(const LAMBOptions& /*o*/, const Variable& p) {
  return {{"m", zeros_like(p.value())}, {"v", zeros_like(p.value())}};
}

void LAMB::change(const LAMBOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const detail::Moments adam(o, 1.0, now.t);
  const auto [size2, length2] = detail::run_pass(detail::LAMBSums{adam, o.weight_decay}, p, kept);
  const double size = detail::in_range(size2) ? std::sqrt(size2) : detail::norm_of(p.value());
  const double ratio = size == 0.0 || length2 == 0.0 ? 1.0 : size / std::sqrt(length2);
  detail::run_pass(detail::LAMBStep{adam, o.weight_decay, now.lr * ratio}, p, kept);
}

}  // namespace ravine::optim
