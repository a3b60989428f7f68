#include <ravine/optim/coupled/prodigy.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

double Prodigy::gather(const ProdigyOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  Tensor &s = slots[0], &start = slots[3];
  if (now.t == 1) start.copy_from(p.value());
  s = std::move(s) * keep(o) + p.grad() * (now.d / o.d0 * (o.safeguard_warmup ? now.d : now.q));
  return now.d / o.d0 * now.q * dot(p.grad(), start - p.value());
}

double Prodigy::keep(const ProdigyOptions& o) { return o.beta3.value_or(std::sqrt(o.beta2)); }

double Prodigy::estimate(const ProdigyOptions& o, double r, double size_of_s) { return o.d_coef * r / size_of_s; }

void Prodigy::change(const ProdigyOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  Tensor &m = slots[1], &v = slots[2];
  detail::average(m, p.grad() * now.d, o.beta1);
  detail::average(v, square(p.grad()) * (now.d * now.d), o.beta2);
  detail::descend(p, detail::quotient(m, sqrt(v) + now.next_d * o.eps) * now.q, now.q * o.weight_decay);
}

}  // namespace ravine::optim
