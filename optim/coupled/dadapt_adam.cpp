#include <ravine/optim/coupled/dadapt_adam.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

std::array<double, 2> DAdaptAdam::gather(const DAdaptAdamOptions& o, DistanceNow now, const Variable& p,
                                         std::span<Tensor> slots) {
  const double gain = (1.0 - keep(o)) * now.q;
  const auto [along, size] = detail::run(Sums{keep(o), gain, o.eps}, p, slots);
  return {gain * along, size};
}

double DAdaptAdam::keep(const DAdaptAdamOptions& o) { return math::sqrt(o.beta2); }

double DAdaptAdam::estimate(const DAdaptAdamOptions& o, double r, double size_of_s) {
  return r / ((1.0 - keep(o)) * size_of_s);
}

void DAdaptAdam::change(const DAdaptAdamOptions& o, DistanceNow now, const Variable& p, std::span<Tensor> slots) {
  detail::run(Step{o.beta1, o.beta2, o.eps, now.q, now.q * o.weight_decay}, p, slots.subspan(1));
}

}  // namespace ravine::optim
