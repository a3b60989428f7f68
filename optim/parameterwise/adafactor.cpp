#include <ravine/optim/parameterwise/adafactor.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/optim/algebra.hpp>
#include <ravine/optim/factored.hpp>

namespace ravine::optim {

detail::Kept Adafactor::keeps(const AdafactorOptions& /*o*/, const Variable& p) {
  if (p.rank() < 2) return {{"v", zeros_like(p.value())}};
  const Index rows = p.size(0);
  return {{"rows", zeros({rows}, p.dtype())}, {"columns", zeros({rows == 0 ? 0 : p.numel() / rows}, p.dtype())}};
}

namespace {

/// √V of a matrix, with what is kept brought up to date.
detail::FactoredRoots roots(const Variable& p, double beta2, double eps, std::span<Tensor> kept) {
  const detail::SquareSums sums(p.grad(), p.size(0));
  const double n = static_cast<double>(sums.rows.numel()), m = static_cast<double>(sums.columns.numel());
  detail::average(kept[0], (sums.rows / m).to(p.dtype()), beta2);
  detail::average(kept[1], (sums.columns / n).to(p.dtype()), beta2);
  const double size = std::max(mean(kept[0]).item(), eps);
  return {sqrt(size == 0.0 ? kept[0] : kept[0] / size), sqrt(kept[1]), eps};
}

}  // namespace

void Adafactor::change(const AdafactorOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const double t = static_cast<double>(now.t), n = static_cast<double>(p.numel());
  const double beta2 = 1.0 - std::pow(t, -o.decay_power), decay = now.lr * o.weight_decay;
  const auto rate = [&](double size2, double length2) {  // of U, with θ² and U²
    return std::max(o.eps_scale, std::sqrt(size2 / n)) * std::min(now.lr, 1.0 / std::sqrt(t)) /
           std::max(1.0, std::sqrt(length2 / n) / o.clip);
  };
  if (p.rank() >= 2) {
    const detail::FactoredRoots V = roots(p, beta2, o.eps, kept);
    const double size = detail::norm_of(p.value());
    V.step(p, rate(size * size, V.size(p.grad())), 0.0, decay);
  } else {
    const detail::AdafactorSums of{beta2, o.eps};
    const auto [size2, length2] = detail::run_pass(of, p, kept);
    detail::run_pass(detail::AdafactorStep{of, rate(size2, length2), decay}, p, kept);
  }
}

}  // namespace ravine::optim
