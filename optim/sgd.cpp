#include <ravine/optim/sgd.hpp>

#include <ravine/core/elementwise.hpp>

namespace ravine::optim {

template class Grouped<SGDOptions>;
template class Elementwise<SGD, SGDOptions>;

const char* SGDOptions::conflict() const {
  if (nesterov != Nesterov::none && momentum == 0.0) return "nesterov needs momentum > 0";
  if (dampening == 0.0) return nullptr;
  if (momentum == 0.0) return "dampening needs momentum > 0";
  if (form == MomentumForm::velocity) return "dampening is not defined for form=velocity";
  if (nesterov != Nesterov::none) return "dampening is not defined with nesterov";
  return nullptr;
}

SGD::Rule::Rule(const SGDOptions& o, double lr, Index /*t*/) : decay(o.weight_decay), keep(o.momentum) {
  const bool velocity = o.form == MomentumForm::velocity;
  // m is b, to be scaled by -α, or v, which is scaled already.
  const double scale = velocity ? 1.0 : -lr;
  gain = velocity ? -lr : 1.0 - o.dampening;
  ahead = o.nesterov == Nesterov::lookahead ? scale * o.momentum : 0.0;
  drift = o.nesterov == Nesterov::reparam ? scale * o.momentum : scale;
  direct = o.nesterov == Nesterov::reparam ? -lr : 0.0;
}

bool SGD::needs_closure() const {
  for (const Group& group : groups())
    if (group.options.nesterov == Nesterov::lookahead) return true;
  return false;
}

double SGD::advance(Closure closure) {
  if (!needs_closure()) return Elementwise::advance(closure);
  check_unchanged();
  double loss = 0.0;
  {
    const detail::Excursion excursion(parameters(), saved_);
    for (const Group& group : groups()) {
      if (group.options.nesterov != Nesterov::lookahead) continue;
      const Rule rule(group.options, group.options.lr * lr_factor(), steps() + 1);
      for (std::size_t i = group.begin; i < group.end; ++i) {
        Tensor& theta = parameters()[i].node()->value;
        theta.copy_from(theta + slot(i, 0) * rule.ahead);
      }
    }
    loss = evaluate(closure);
    check_unchanged();
  }
  update();
  return loss;
}

}  // namespace ravine::optim
