#include <ravine/optim/parameterwise/lamb.hpp>

#include <cmath>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

detail::Kept LAMB::keeps(const LAMBOptions& /*o*/, const Variable& p) {
  return {{"m", zeros_like(p.value())}, {"v", zeros_like(p.value())}};
}

void LAMB::change(const LAMBOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const Sums sums{{o, 1.0, now.t}, o.weight_decay};
  const auto [size2, length2] = detail::run(sums, p, kept);
  const double size = detail::norm_of(p.value(), size2);
  const double ratio = size == 0.0 || length2 == 0.0 ? 1.0 : size / std::sqrt(length2);
  detail::run(Step{sums, now.lr * ratio}, p, kept);
}

}  // namespace ravine::optim
