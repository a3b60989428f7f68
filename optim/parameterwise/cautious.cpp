#include <ravine/optim/parameterwise/cautious.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {
namespace {

/// φ c u.
Tensor cautious(const Tensor& u, const Tensor& direction, const Tensor& g) {
  const Tensor phi = gt(direction * g, 0.0);
  const double c = static_cast<double>(g.numel()) / (sum(phi).item() + 1.0);
  return u * phi.to(u.dtype()) * c;
}

}  // namespace

detail::Kept CautiousAdamW::keeps(const CautiousAdamWOptions& /*o*/, const Variable& p) {
  return {{"m", zeros_like(p.value())}, {"v", zeros_like(p.value())}};
}

void CautiousAdamW::change(const CautiousAdamWOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  detail::average(kept[0], p.grad(), o.beta1);
  detail::average(kept[1], square(p.grad()), o.beta2);
  const Tensor u = detail::adam_direction(kept[0], kept[1], o.beta1, o.beta2, now.t, o.eps);
  detail::descend(p, cautious(u, kept[0], p.grad()) * now.lr, now.lr * o.weight_decay);
}

detail::Kept CautiousLion::keeps(const CautiousLionOptions& /*o*/, const Variable& p) {
  return {{"momentum", zeros_like(p.value())}};
}

void CautiousLion::change(const CautiousLionOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const Tensor u = sign(kept[0] * o.beta1 + p.grad() * (1.0 - o.beta1));
  detail::descend(p, cautious(u, u, p.grad()) * now.lr, now.lr * o.weight_decay);
  detail::average(kept[0], p.grad(), o.beta2);
}

}  // namespace ravine::optim
