#include <ravine/optim/parameterwise/mars.hpp>

#include <cmath>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {
namespace {

bool is_for_adamw(const MARSOptions& o, const Variable& p) { return p.rank() < 2 && o.vectors; }

}  // namespace

detail::Kept MARS::keeps(const MARSOptions& o, const Variable& p) {
  if (is_for_adamw(o, p)) return detail::adamw_keeps(*o.vectors, p);
  return {{"previous", zeros_like(p.value())},
          {"m", zeros_like(p.value())},
          {"v", detail::zeros_if(o.form == MARSForm::adamw, p)}};
}

void MARS::change(const MARSOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  if (is_for_adamw(o, p)) return detail::adamw_step(*o.vectors, now.factor, now.t, p, kept);
  const Sums of{o.gamma * o.beta1 / (1.0 - o.beta1)};
  const double square = detail::run(of, p, kept)[0];
  const double norm = square < 1e30 ? std::sqrt(square) : detail::norm_of(p.grad() + (p.grad() - kept[0]) * of.factor);
  const double length = norm <= 1.0 ? 1.0 : norm;  // NaN stays
  const double decay = now.lr * o.weight_decay;
  if (o.form == MARSForm::adamw)
    detail::run(AdamWStep{of, {o, now.lr, now.t}, length, decay}, p, kept);
  else
    detail::run(LionStep{of, o.beta1, length, now.lr, decay}, p, kept);
}

}  // namespace ravine::optim
