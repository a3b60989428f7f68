#include <ravine/optim/parameterwise/mars.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {
namespace {

bool is_for_adamw(const MARSOptions& o, const Variable& p) { return p.rank() < 2 && o.vectors; }

}  // namespace

detail::Kept MARS::keeps(const MARSOptions& o, const Variable& p) {
  if (is_for_adamw(o, p)) return detail::adamw_keeps(*o.vectors, p);
  return {{"m", zeros_like(p.value())},
          {"v", detail::zeros_if(o.form == MARSForm::adamw, p)},
          {"previous", zeros_like(p.value())}};
}

void MARS::change(const MARSOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  if (is_for_adamw(o, p)) return detail::adamw_step(*o.vectors, now.factor, now.t, p, kept);
  Tensor& previous = kept[2];
  const Tensor& g = p.grad();
  Tensor c = g + (g - previous) * (o.gamma * o.beta1 / (1.0 - o.beta1));
  const double length = detail::norm_of(c);
  if (!(length <= 1.0)) c = std::move(c) / length;
  previous.copy_from(g);
  Tensor u;
  if (o.form == MARSForm::adamw) {
    u = detail::adam_direction(c, kept, o.beta1, o.beta2, now.t, o.eps);
  } else {
    detail::average(kept[0], std::move(c), o.beta1);
    u = sign(kept[0]);
  }
  detail::descend(p, std::move(u), now.lr, now.lr * o.weight_decay);
}

}  // namespace ravine::optim
