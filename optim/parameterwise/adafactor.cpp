#include <ravine/optim/parameterwise/adafactor.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/optim/factored.hpp>

namespace ravine::optim {

detail::Kept Adafactor::keeps(const AdafactorOptions& /*o*/, const Variable& p) { return detail::factored_keeps(p); }

void Adafactor::change(const AdafactorOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const double t = static_cast<double>(now.t), n = static_cast<double>(p.numel());
  const double beta2 = 1.0 - std::pow(t, -o.decay_power), decay = now.lr * o.weight_decay;
  const auto rate = [&](double size2, double length2) {  // of U, with θ² and U²
    return std::max(o.eps_scale, detail::norm_of(p.value(), size2) / std::sqrt(n)) *
           std::min(now.lr, 1.0 / std::sqrt(t)) / std::max(1.0, std::sqrt(length2 / n) / o.clip);
  };
  if (p.rank() < 2) {
    const VectorSums of{beta2, o.eps};
    const auto [size2, length2] = detail::run(of, p, kept);
    detail::run(Step<VectorSums>{of, rate(size2, length2), decay}, p, kept);
    return;
  }
  const Index rows = p.size(0);
  const detail::SquareSums sums(Squares(), p);
  detail::average(kept[0], (sums.rows / (n / static_cast<double>(rows))).to(p.dtype()), beta2);
  detail::average(kept[1], (sums.columns / static_cast<double>(rows)).to(p.dtype()), beta2);
  const double size = std::max(mean(kept[0]).item(), o.eps);
  const Tensor of_rows = (1.0 / sqrt(size == 0.0 ? kept[0] : kept[0] / size)).to(f64);
  Tensor columns = 1.0 / sqrt(kept[1]);
  const auto of = [&](Index i) { return Length{of_rows.raw<double>()[i], 1.0 / o.eps}; };
  const double length2 = detail::sum_of(detail::run_rows(p, rows, {&columns, 1}, of))[0];
  const double by = rate(sums.second, length2);
  detail::run_rows(p, rows, {&columns, 1}, [&](Index i) { return Step<Length>{of(i), by, decay}; });
}

}  // namespace ravine::optim
