#include <ravine/optim/elementwise/sophia.hpp>

#include <algorithm>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/optim/curvature.hpp>

namespace ravine::optim {

void Sophia::renew(const std::vector<Tensor>& D, bool after) {
  for (const Group& group : groups()) {
    const SophiaOptions& o = group.options;
    if (!looks(o) || o.stale != after) continue;
    for (std::size_t i = group.begin; i < group.end; ++i)
      if (parameters()[i].grad().defined()) slot(i, 1).copy_from(slot(i, 1) * o.beta2 + D[i] * (1.0 - o.beta2));
  }
}

double Sophia::advance(Closure closure) {
  if (std::none_of(groups().begin(), groups().end(), [&](const Group& group) { return looks(group.options); }))
    return Elementwise::advance(closure);
  const Variable loss = forward(closure);
  std::vector<Tensor> D;
  const std::vector<Variable> gradients = detail::recorded_gradients(name, loss, parameters());
  for (const Group& group : groups()) {
    const detail::PartOf of_group{group.begin, group.end};
    if (looks(group.options)) {
      count_products(1);
      for (Tensor& d :
           detail::diagonal_of(name, of_group(parameters()), of_group(gradients), group.options.diagonal, 1))
        D.push_back(std::move(d));
    }
    D.resize(group.end);
  }
  detail::set_gradients(parameters(), gradients);
  run_callbacks();
  if (detail::finite_only())
    for (std::size_t i = 0; i < D.size(); ++i)
      if (D[i].defined() && !all_finite(D[i])) refuse_number("the Hessian's diagonal", i, D[i]);
  renew(D, false);
  update();
  renew(D, true);
  return loss.item();
}

}  // namespace ravine::optim
