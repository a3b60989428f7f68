#include <ravine/optim/parameterwise/novograd.hpp>

#include <cmath>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

detail::Kept NovoGrad::keeps(const NovoGradOptions& /*o*/, const Variable& p) {
  return {{"m", zeros_like(p.value())}, {"v", scalar(0.0, f64)}};
}

void NovoGrad::change(const NovoGradOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  Tensor& v = kept[1];
  const double length = detail::norm_of(p.grad()), square = length * length;
  v.fill(now.t == 1 ? square : o.beta2 * v.item() + (1.0 - o.beta2) * square);
  const double size = std::sqrt(v.item()) + o.eps;
  SGD::Rule rule({.momentum = o.beta1}, now.lr, now.t);
  rule.gain = size == 0.0 ? 1.0 : 1.0 / size;  // where it is 0, so is g
  rule.decay = o.weight_decay == 0.0 ? 0.0 : o.weight_decay / rule.gain;
  detail::run(rule, p, kept);
}

}  // namespace ravine::optim
