#include <ravine/optim/factored_adam.hpp>

#include <cmath>

#include <ravine/optim/algebra.hpp>
#include <ravine/optim/factored.hpp>

namespace ravine::optim {
namespace {

bool is_factored(const Variable& p) { return p.rank() >= 2; }

/// One update of a matrix; lr is in force, correction is 1 - β2^t.
template <class T>
void update_matrix(const Variable& p, std::span<Tensor> kept, const FactoredAdamOptions& o, double lr,
                   double correction) {
  const detail::SquareSums sums(p.grad(), p.size(0));
  detail::average(kept[0], sums.rows.to(p.dtype()), o.beta2);
  detail::average(kept[1], sums.columns.to(p.dtype()), o.beta2);
  const double total = sum(kept[0].to(f64)).item(), scale = total == 0.0 ? 0.0 : 1.0 / (total * correction);
  const Tensor rows = sqrt(kept[0] * scale), columns = sqrt(kept[1]);
  const Index n = rows.numel(), m = columns.numel();
  T* const X = p.node()->value.raw<T>();
  detail::for_long_rows(n, m, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      detail::active_row_loops<T>().step_eps(X + i * m, p.grad().raw<T>() + i * m, m, rows.raw<T>()[i],
                                             columns.raw<T>(), static_cast<T>(lr), static_cast<T>(o.eps));
  });
  p.node()->value.mark_written(detail::advance_write_clock());
}

}  // namespace

FactoredAdam::FactoredAdam(std::vector<Variable> params, FactoredAdamOptions options)
    : Grouped("FactoredAdam", std::move(params), options) {
  make_state();
}

FactoredAdam::FactoredAdam(const std::vector<ParamGroup<FactoredAdamOptions>>& groups)
    : Grouped("FactoredAdam", groups) {
  make_state();
}

void FactoredAdam::make_state() {
  for (std::size_t i = 0; i < parameters().size(); ++i) {
    const Variable& p = parameters()[i];
    const Index rows = is_factored(p) ? p.size(0) : 0;
    const auto sums = [&](Index count) { return is_factored(p) ? zeros({count}, p.dtype()) : Tensor(); };
    add_state(i, "rows", sums(rows));
    add_state(i, "columns", sums(rows == 0 ? 0 : p.numel() / rows));
    add_state(i, "v", is_factored(p) ? Tensor() : zeros_like(p.value()));
  }
}

void FactoredAdam::update() {
  const Index t = steps() + 1;
  for (const Group& group : groups()) {
    const FactoredAdamOptions& o = group.options;
    const double lr = o.lr * lr_factor(), correction = 1.0 - std::pow(o.beta2, static_cast<double>(t));
    const Adam::Rule rule({.beta1 = 0.0, .beta2 = o.beta2, .eps = o.eps}, lr, t);
    for (std::size_t i = group.begin; i < group.end; ++i) {
      const Variable& p = parameters()[i];
      if (!p.grad().defined()) continue;
      if (!is_factored(p)) {
        Tensor slots[] = {Tensor(), state(3 * i + 2)};  // no m
        detail::run_rule(detail::built_in_loops<Adam>(), &rule, {&p, 1}, slots);
        continue;
      }
      (p.dtype() == f32 ? update_matrix<float> : update_matrix<double>)(p, state(3 * i, 2), o, lr, correction);
    }
  }
}

}  // namespace ravine::optim
