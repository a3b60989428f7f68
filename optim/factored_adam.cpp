#include <ravine/optim/factored_adam.hpp>

#include <cmath>

#include <ravine/optim/factored.hpp>

namespace ravine::optim {

detail::Kept FactoredAdam::keeps(const FactoredAdamOptions& /*o*/, const Variable& p) {
  return detail::factored_keeps(p);
}

void FactoredAdam::change(const FactoredAdamOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  if (p.rank() < 2) {
    Tensor slots[] = {Tensor(), kept[0]};  // no m
    return static_cast<void>(
        detail::run(Adam::Rule({.beta1 = 0.0, .beta2 = o.beta2, .eps = o.eps}, now.lr, now.t), p, slots));
  }
  const detail::SquareSums sums(Squares(), p);
  detail::average(kept[0], sums.rows.to(p.dtype()), o.beta2);
  detail::average(kept[1], sums.columns.to(p.dtype()), o.beta2);
  const double total = sum(kept[0].to(f64)).item() * (1.0 - std::pow(o.beta2, static_cast<double>(now.t)));
  const Tensor rows = sqrt(kept[0] * (total == 0.0 ? 0.0 : 1.0 / total)).to(f64);
  Tensor columns = sqrt(kept[1]);
  detail::run_rows(p, p.size(0), {&columns, 1}, [&](Index i) { return Step{rows.raw<double>()[i], now.lr, o.eps}; });
}

}  // namespace ravine::optim
