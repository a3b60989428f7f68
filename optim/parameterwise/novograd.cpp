#include <ravine/optim/parameterwise/novograd.hpp>

#include <cmath>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

detail::Kept NovoGrad::keeps(const NovoGradOptions& /*o*/, const Variable& p) {
  return {{"m", zeros_like(p.value())}, {"v", scalar(0.0, f64)}};
}

void NovoGrad::change(const NovoGradOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  Tensor &m = kept[0], &v = kept[1];
  const double length = detail::norm_of(p.grad()), square = length * length;
  v.fill(now.t == 1 ? square : o.beta2 * v.item() + (1.0 - o.beta2) * square);
  const double size = std::sqrt(v.item()) + o.eps;
  m = std::move(m) * o.beta1 + p.grad() * (size == 0.0 ? 0.0 : 1.0 / size) + p.value() * o.weight_decay;
  detail::descend(p, m * now.lr);
}

}  // namespace ravine::optim
