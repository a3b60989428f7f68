#include <ravine/optim/parameterwise/sm3.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <ravine/optim/factored.hpp>

namespace ravine::optim {
namespace {

/// f(μ) for what is kept, f64, for the dimensions but the last: the element that belongs to a row.
template <class F>
void each_of_row(std::vector<Tensor>& leading, Index row, F f) {
  for (std::size_t k = leading.size(); k-- > 0; row /= leading[k].numel())
    f(leading[k].raw<double>()[row % leading[k].numel()]);
}

}  // namespace

detail::Kept SM3::keeps(const SM3Options& o, const Variable& p) {
  detail::Kept all = {{"momentum", detail::zeros_if(o.momentum > 0.0, p)}};
  for (int i = 0; i < std::max(1, p.rank()); ++i)
    all.emplace_back("d" + std::to_string(i), zeros({p.rank() == 0 ? 1 : p.size(i)}, p.dtype()));
  return all;
}

void SM3::change(const SM3Options& o, Now now, const Variable& p, std::span<Tensor> kept) {
  Step step{o.momentum, now.lr, o.eps, std::numeric_limits<double>::infinity()};
  Tensor& columns = kept.back();
  if (p.rank() < 2) {
    Tensor slots[] = {columns, zeros_like(columns), kept[0]};
    detail::run(step, p, slots);
    return columns.copy_from(slots[1]);
  }
  std::vector<Tensor> leading;
  for (const Tensor& mu : kept.subspan(1, kept.size() - 2)) leading.push_back(mu.to(f64).clone());
  const Index m = columns.numel(), n = p.numel() / m;
  Tensor slots[] = {columns, zeros({detail::strips_of(n), m}, p.dtype()), kept[0]};
  const Tensor largest = detail::run_rows(p, n, slots, [&](Index row) {
    Step of_row = step;
    each_of_row(leading, row, [&](double mu) { of_row.least = mu < of_row.least || mu != mu ? mu : of_row.least; });
    return of_row;
  });
  columns.copy_from(max(slots[1], {0}));
  for (Tensor& mu : leading) mu.fill(0.0);
  for (Index row = 0; row < n; ++row)
    each_of_row(leading, row, [&](double& mu) { mu = Step::join(mu, largest.raw<double>()[2 * row]); });
  for (std::size_t k = 0; k < leading.size(); ++k) kept[k + 1].copy_from(leading[k].to(p.dtype()));
}

}  // namespace ravine::optim
