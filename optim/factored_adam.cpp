#include <ravine/optim/factored_adam.hpp>

#include <cmath>

#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/kernels/factored.hpp>

namespace ravine::optim {
namespace {

bool is_factored(const Variable& p) { return p.rank() >= 2; }

template <class T>
const detail::FactoredLoops<T>& loops() {
  static const detail::FactoredLoops<T> active =
      detail::with_active_isa([]<Isa isa>() { return detail::factored_loops<isa, T>(); });
  return active;
}

/// One update of X; lr is in force, correction is 1 - β2^t.
template <class T>
void update_matrix(const Variable& p, Tensor& rows, Tensor& columns, const FactoredAdamOptions& o, double lr,
                   double correction) {
  const Index n = rows.numel(), m = columns.numel();
  T* const X = p.node()->value.raw<T>();
  const T *const G = p.grad().raw<T>(), beta2 = static_cast<T>(o.beta2);
  T *const R = rows.raw<T>(), *const C = columns.raw<T>();

  Tensor sums = zeros({m}, f64), roots({m}, columns.dtype());
  double total = 0.0;
  for (Index i = 0; i < n; ++i) {
    const double sum = loops<T>().squares(G + i * m, m, sums.raw<double>());
    R[i] = beta2 * R[i] + static_cast<T>((1.0 - o.beta2) * sum);
    total += R[i];
  }
  for (Index j = 0; j < m; ++j) {
    C[j] = beta2 * C[j] + static_cast<T>((1.0 - o.beta2) * sums.raw<double>()[j]);
    roots.raw<T>()[j] = std::sqrt(C[j]);
  }
  const double scale = total == 0.0 ? 0.0 : 1.0 / (total * correction);
  detail::for_rows(n, m, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      loops<T>().step(X + i * m, G + i * m, m, static_cast<T>(std::sqrt(R[i] * scale)), roots.raw<T>(),
                      static_cast<T>(lr), static_cast<T>(o.eps));
  });
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
  const auto time = detail::advance_write_clock();
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
      Tensor &rows = state(3 * i), &columns = state(3 * i + 1);
      if (p.dtype() == f32)
        update_matrix<float>(p, rows, columns, o, lr, correction);
      else
        update_matrix<double>(p, rows, columns, o, lr, correction);
      p.node()->value.mark_written(time);
    }
  }
}

}  // namespace ravine::optim
