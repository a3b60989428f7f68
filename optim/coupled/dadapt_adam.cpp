#include <ravine/optim/coupled/dadapt_adam.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

double DAdaptAdam::gather(const DAdaptAdamOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  Tensor& s = slots[0];
  const double b = keep(o), along = dot(p.grad(), detail::quotient(s, sqrt(slots[2]) + o.eps));
  s = std::move(s) * b + p.grad() * ((1.0 - b) * now.q);
  return (1.0 - b) * now.q * along;
}

double DAdaptAdam::keep(const DAdaptAdamOptions& o) { return std::sqrt(o.beta2); }

double DAdaptAdam::estimate(const DAdaptAdamOptions& o, double r, double size_of_s) {
  return r / ((1.0 - keep(o)) * size_of_s);
}

void DAdaptAdam::change(const DAdaptAdamOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  Tensor &m = slots[1], &v = slots[2];
  detail::average(m, p.grad() * now.q, o.beta1);
  detail::average(v, square(p.grad()), o.beta2);
  detail::descend(p, detail::quotient(m, sqrt(v) + o.eps), now.q * o.weight_decay);
}

}  // namespace ravine::optim
