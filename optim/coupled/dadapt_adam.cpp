#include <ravine/optim/coupled/dadapt_adam.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

double DAdaptAdam::gather(const DAdaptAdamOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  Tensor& s = slots[0];
  const double b = keep(o), along = dot(p.grad(), detail::quotient(s, sqrt(slots[2]) + o.eps));
  s = std::move(s) * b + p.grad() * ((1.0 - b) * now.q);
  return (1.0 - b) * now.q * along;
}

double DAdaptAdam::keep(const DAdaptAdamOptions& o) { return math::sqrt(o.beta2); }

double DAdaptAdam::estimate(const DAdaptAdamOptions& o, double r, double size_of_s) {
  return r / ((1.0 - keep(o)) * size_of_s);
}

void DAdaptAdam::change(const DAdaptAdamOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  detail::average(slots[1], p.grad() * now.q, o.beta1);
  AdamW::Rule rule(
      {.beta1 = 1.0, .beta2 = o.beta2, .eps = o.eps, .weight_decay = now.q * o.weight_decay, .bias_correction = false},
      1.0, now.t);  // m has the rate in it, and is as it should be
  detail::apply<AdamW>(rule, p.value(), p.grad(), slots.subspan(1));
}

}  // namespace ravine::optim
