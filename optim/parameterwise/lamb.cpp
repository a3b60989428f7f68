#include <ravine/optim/parameterwise/lamb.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

detail::Kept LAMB::keeps(const LAMBOptions& /*o*/, const Variable& p) {
  return {{"m", zeros_like(p.value())}, {"v", zeros_like(p.value())}};
}

void LAMB::change(const LAMBOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  Tensor u = detail::adam_direction(p.grad(), kept, o.beta1, o.beta2, now.t, o.eps);
  if (o.weight_decay != 0.0) u = std::move(u) + p.value() * o.weight_decay;
  const double size = detail::norm_of(p.value()), length = detail::norm_of(u);
  detail::descend(p, std::move(u), now.lr * (size == 0.0 || length == 0.0 ? 1.0 : size / length));
}

}  // namespace ravine::optim
