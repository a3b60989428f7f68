#include <ravine/optim/parameterwise/adafactor.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {

detail::Kept Adafactor::keeps(const AdafactorOptions& /*o*/, const Variable& p) {
  if (p.rank() < 2) return {{"v", zeros_like(p.value())}};
  const Index rows = p.size(0);
  return {{"rows", zeros({rows}, p.dtype())}, {"columns", zeros({rows == 0 ? 0 : p.numel() / rows}, p.dtype())}};
}

namespace {

/// V, with what is kept brought up to date.
Tensor squares(const Tensor& g, double beta2, double eps, std::span<Tensor> kept) {
  if (kept.size() == 1) {
    detail::average(kept[0], square(g), beta2);
    return kept[0];
  }
  const Tensor G2 = square(detail::as_matrix(g));
  detail::average(kept[0], mean(G2, {1}), beta2);
  detail::average(kept[1], mean(G2, {0}), beta2);
  const double size = std::max(mean(kept[0]).item(), eps);
  const Tensor rows = size == 0.0 ? kept[0] : kept[0] / size;
  return (rows.reshape({-1, 1}) * kept[1].reshape({1, -1})).reshape(g.shape());
}

}  // namespace

void Adafactor::change(const AdafactorOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const double t = static_cast<double>(now.t);
  const Tensor V = squares(p.grad(), 1.0 - std::pow(t, -o.decay_power), o.eps, kept);
  Tensor U = detail::quotient(p.grad(), sqrt(maximum(V, o.eps * o.eps)));
  const double scale = std::max(o.eps_scale, detail::rms(p.value())) * std::min(now.lr, 1.0 / std::sqrt(t));
  const double limit = std::max(1.0, detail::rms(U) / o.clip);
  detail::descend(p, std::move(U), scale / limit, now.lr * o.weight_decay);
}

}  // namespace ravine::optim
