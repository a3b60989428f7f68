#include <ravine/optim/parameterwise/lars.hpp>

#include <cmath>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

detail::Kept LARS::keeps(const LARSOptions& o, const Variable& p) {
  return {{"momentum", detail::zeros_if(o.momentum > 0.0, p)}};
}

void LARS::change(const LARSOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const auto [size2, length2] = detail::run(Sums{o.weight_decay}, p, kept);
  const double size = detail::norm_of(p.value(), size2);
  const double length =
      detail::in_range(length2) ? std::sqrt(length2) : detail::norm_of(p.grad() + p.value() * o.weight_decay);
  const double ratio = size == 0.0 || length == 0.0 ? 1.0 : o.trust * size / (length + o.eps);
  SGD::Rule rule({.momentum = o.momentum, .weight_decay = o.weight_decay}, 1.0, now.t);
  rule.gain = now.lr * ratio;  // of g' in V, which has the rate in it
  if (o.nesterov) {
    rule.drift = -o.momentum;
    rule.direct = -rule.gain;
  }
  detail::run(rule, p, kept);
}

}  // namespace ravine::optim
