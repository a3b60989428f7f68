#include <ravine/optim/coupled/prodigy.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

double Prodigy::gather(const ProdigyOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  Tensor &s = slots[0], &start = slots[3];
  if (now.t == 1) start.copy_from(p.value());
  s = std::move(s) * keep(o) + p.grad() * (now.d / o.d0 * (o.safeguard_warmup ? now.d : now.q));
  return now.d / o.d0 * now.q * dot(p.grad(), start - p.value());
}

double Prodigy::keep(const ProdigyOptions& o) { return o.beta3.value_or(math::sqrt(o.beta2)); }

double Prodigy::estimate(const ProdigyOptions& o, double r, double size_of_s) { return o.d_coef * r / size_of_s; }

void Prodigy::change(const ProdigyOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  const AdamWOptions adamw{.beta1 = o.beta1,
                           .beta2 = o.beta2,
                           .eps = now.next_d * o.eps,
                           .weight_decay = o.weight_decay,
                           .bias_correction = false};  // it is part of q
  detail::apply<AdamW>({adamw, now.q, now.t}, p.value(), p.grad() * now.d, slots.subspan(1, 2));
}

}  // namespace ravine::optim
