#include <ravine/optim/parameterwise/adafactor.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include <ravine/optim/algebra.hpp>
#include <ravine/optim/factored.hpp>

namespace ravine::optim {

detail::Kept Adafactor::keeps(const AdafactorOptions& /*o*/, const Variable& p) {
  if (p.rank() < 2) return {{"v", zeros_like(p.value())}};
  const Index rows = p.size(0);
  return {{"rows", zeros({rows}, p.dtype())}, {"columns", zeros({rows == 0 ? 0 : p.numel() / rows}, p.dtype())}};
}

namespace {

/// 1 / √V of a matrix is rows times columns, or 1 / ε.
struct Scales {
  Tensor rows, columns;
};

/// With what is kept brought up to date.
Scales scales(const Variable& p, double beta2, double eps, std::span<Tensor> kept) {
  const detail::SquareSums sums(p.grad(), p.size(0));
  const double n = static_cast<double>(sums.rows.numel()), m = static_cast<double>(sums.columns.numel());
  detail::average(kept[0], (sums.rows / m).to(p.dtype()), beta2);
  detail::average(kept[1], (sums.columns / n).to(p.dtype()), beta2);
  const double size = std::max(mean(kept[0]).item(), eps);
  return {1.0 / sqrt(size == 0.0 ? kept[0] : kept[0] / size), 1.0 / sqrt(kept[1])};
}

/// U² of a matrix.
template <class T>
double size_of(const Tensor& g, const Scales& by, double most) {
  const Index n = by.rows.numel(), m = by.columns.numel();
  std::vector<double> sums(static_cast<std::size_t>(n));
  detail::for_long_rows(n, m, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      sums[static_cast<std::size_t>(i)] = detail::active_row_loops<T>().size(g.raw<T>() + i * m, m, by.rows.raw<T>()[i],
                                                                             by.columns.raw<T>(), static_cast<T>(most));
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// θ ← θ - rate U - decay θ.
template <class T>
void go(const Variable& p, const Scales& by, double most, double rate, double decay) {
  const Index n = by.rows.numel(), m = by.columns.numel();
  T* const x = p.node()->value.raw<T>();
  const T* const g = p.grad().raw<T>();
  detail::for_long_rows(n, m, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      detail::active_row_loops<T>().step(x + i * m, g + i * m, m, by.rows.raw<T>()[i], by.columns.raw<T>(),
                                         static_cast<T>(most), static_cast<T>(rate), static_cast<T>(decay));
  });
  p.node()->value.mark_written(detail::advance_write_clock());
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
    const Scales by = scales(p, beta2, o.eps, kept);
    const double size = detail::norm_of(p.value()), most = 1.0 / o.eps;
    detail::visit_floating(name, p.dtype(), [&](auto type) {
      using T = decltype(type);
      go<T>(p, by, most, rate(size * size, size_of<T>(p.grad(), by, most)), decay);
    });
  } else {
    const detail::AdafactorSums of{beta2, o.eps};
    const auto [size2, length2] = detail::run_pass(of, p, kept);
    detail::run_pass(detail::AdafactorStep{of, rate(size2, length2), decay}, p, kept);
  }
}

}  // namespace ravine::optim
