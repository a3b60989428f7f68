#include <ravine/optim/sgd.hpp>

#include <ravine/core/elementwise.hpp>

namespace ravine::optim {

const char* SGDOptions::conflict() const {
  if (nesterov != Nesterov::none && momentum == 0.0) return "nesterov needs momentum > 0";
  if (dampening == 0.0) return nullptr;
  if (momentum == 0.0) return "dampening needs momentum > 0";
  if (form == MomentumForm::velocity) return "dampening is not defined for form=velocity";
  if (nesterov != Nesterov::none) return "dampening is not defined with nesterov";
  return nullptr;
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
        if (!parameters()[i].requires_grad()) continue;
        Tensor& theta = parameters()[i].node()->value;
        theta.copy_from(theta + slot(i, 0) * rule.ahead);
      }
    }
    loss = evaluate(closure);
  }
  update();
  return loss;
}

template class Grouped<SGDOptions>;
template class Elementwise<SGD, SGDOptions>;

}  // namespace ravine::optim
