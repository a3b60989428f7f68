#include <ravine/optim/coupled/prodigy.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

std::array<double, 2> Prodigy::gather(const ProdigyOptions& o, DistanceNow now, const Variable& p,
                                      std::span<Tensor> slots) {
  const double scale = now.d / o.d0, gain = scale * (o.safeguard_warmup ? now.d : now.q);
  const auto [along, size] = detail::run(Sums{keep(o), gain}, p, slots);
  return {scale * now.q * along, size};
}

double Prodigy::keep(const ProdigyOptions& o) { return o.beta3.value_or(math::sqrt(o.beta2)); }

double Prodigy::estimate(const ProdigyOptions& o, double r, double size_of_s) { return o.d_coef * r / size_of_s; }

void Prodigy::change(const ProdigyOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  const AdamWOptions adamw{.beta1 = o.beta1,
                           .beta2 = o.beta2,
                           .eps = now.next_d * o.eps,
                           .weight_decay = o.weight_decay,
                           .bias_correction = false};  // it is part of q
  detail::run(Step{{adamw, now.q, now.t}, now.d}, p, slots.subspan(2));
}

}  // namespace ravine::optim
