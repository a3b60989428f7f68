#include <ravine/optim/parameterwise/lars.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

detail::Kept LARS::keeps(const LARSOptions& o, const Variable& p) {
  return {{"momentum", detail::zeros_if(o.momentum > 0.0, p)}};
}

void LARS::change(const LARSOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const Tensor g = p.grad() + p.value() * o.weight_decay;
  const double size = detail::norm_of(p.value()), length = detail::norm_of(g);
  const double ratio = size == 0.0 || length == 0.0 ? 1.0 : o.trust * size / (length + o.eps);
  const Tensor d = g * (now.lr * ratio);
  Tensor& V = kept[0];
  if (!V.defined()) return detail::descend(p, d);
  V = std::move(V) * o.momentum + d;
  detail::descend(p, o.nesterov ? V * o.momentum + d : V);
}

}  // namespace ravine::optim
