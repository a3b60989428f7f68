#include <ravine/optim/parameterwise/cautious.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {
namespace {

/// θ ← θ - lr φ c u - decay θ, with φ where the direction agrees with the gradient.
void go(const Variable& p, Tensor u, const Tensor& direction, double lr, double decay) {
  const Tensor phi = gt(direction * p.grad(), 0.0);
  const double c = static_cast<double>(p.numel()) / (sum(phi).item() + 1.0);
  detail::descend(p, std::move(u) * phi.to(p.dtype()), lr * c, decay);
}

}  // namespace

detail::Kept CautiousAdamW::keeps(const CautiousAdamWOptions& /*o*/, const Variable& p) {
  return {{"m", zeros_like(p.value())}, {"v", zeros_like(p.value())}};
}

void CautiousAdamW::change(const CautiousAdamWOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  Tensor u = detail::adam_direction(p.grad(), kept, o.beta1, o.beta2, now.t, o.eps);
  go(p, std::move(u), kept[0], now.lr, now.lr * o.weight_decay);
}

detail::Kept CautiousLion::keeps(const CautiousLionOptions& /*o*/, const Variable& p) {
  return {{"momentum", zeros_like(p.value())}};
}

void CautiousLion::change(const CautiousLionOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const Tensor u = sign(kept[0] * o.beta1 + p.grad() * (1.0 - o.beta1));
  go(p, u, u, now.lr, now.lr * o.weight_decay);
  detail::average(kept[0], p.grad(), o.beta2);
}

}  // namespace ravine::optim
