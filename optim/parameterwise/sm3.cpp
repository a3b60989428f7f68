#include <ravine/optim/parameterwise/sm3.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <ravine/optim/algebra.hpp>
#include <ravine/optim/factored.hpp>

namespace ravine::optim {
namespace {

/// What is kept for the dimensions but the last.
template <class T>
class Leading {
 public:
  Leading(const Variable& p, std::span<Tensor> kept) : kept_(kept.first(kept.size() - 1)) {
    for (int k = 0; k + 1 < p.rank(); ++k) sizes_.push_back(p.size(k));
  }

  /// The least for a row; infinity if there is no other dimension.
  T least(Index row) const {
    T least = std::numeric_limits<T>::infinity();
    each(row, [&](std::size_t k, Index i) {
      const T mu = kept_[k].raw<T>()[i];
      if (mu < least || mu != mu) least = mu;
    });
    return least;
  }

  /// Becomes the largest ν of each slice, from those of the rows.
  void renew(const std::vector<T>& most) {
    for (Tensor& mu : kept_) mu.fill(0.0);
    for (std::size_t row = 0; row < most.size(); ++row)
      each(static_cast<Index>(row), [&](std::size_t k, Index i) {
        T& mu = kept_[k].raw<T>()[i];
        if (mu < most[row] || most[row] != most[row]) mu = most[row];
      });
  }

 private:
  /// f(dimension, place in it) of a row.
  template <class F>
  void each(Index row, F f) const {
    for (std::size_t k = sizes_.size(); k-- > 0; row /= sizes_[k]) f(k, row % sizes_[k]);
  }

  std::span<Tensor> kept_;
  std::vector<Index> sizes_;
};

template <class T>
void go(const SM3Options& o, double lr, const Variable& p, std::span<Tensor> kept) {
  const auto& loop = detail::active_row_loops<T>().sm3;
  const Index m = p.rank() == 0 ? 1 : p.size(p.rank() - 1), n = p.numel() / m;
  T *const x = p.node()->value.raw<T>(), *const mean = kept[0].defined() ? kept[0].raw<T>() : nullptr;
  const T* const g = p.grad().raw<T>();
  Leading<T> leading(p, kept.subspan(1));
  Tensor& columns = kept.back();
  std::vector<T> most(static_cast<std::size_t>(n));
  Tensor next = zeros({detail::strips_of(n), m}, p.dtype());
  const auto row = [&](Index i, Index strip, Index begin, Index end) {
    const detail::SM3Row<T> given{static_cast<T>(o.momentum), static_cast<T>(lr), static_cast<T>(o.eps),
                                  leading.least(i)};
    const Index at = i * m + begin;
    return loop(given, x + at, g + at, mean ? mean + at : nullptr, end - begin, columns.raw<T>() + begin,
                next.raw<T>() + strip * m + begin);
  };
  if (n == 1 && kept.size() == 2)  // a vector, which has no other dimension
    detail::parallel_for(m, detail::long_piece(m, detail::parallel_grain),
                         [&](Index begin, Index end) { row(0, 0, begin, end); });
  else
    detail::for_strips(n, m, [&](Index strip, Index begin, Index end) {
      for (Index i = begin; i < end; ++i) most[static_cast<std::size_t>(i)] = row(i, strip, 0, m);
    });
  columns.copy_from(max(next, {0}));
  leading.renew(most);
  p.node()->value.mark_written(detail::advance_write_clock());
}

}  // namespace

detail::Kept SM3::keeps(const SM3Options& o, const Variable& p) {
  detail::Kept all = {{"momentum", detail::zeros_if(o.momentum > 0.0, p)}};
  for (int i = 0; i < std::max(1, p.rank()); ++i)
    all.emplace_back("d" + std::to_string(i), zeros({p.rank() == 0 ? 1 : p.size(i)}, p.dtype()));
  return all;
}

void SM3::change(const SM3Options& o, Now now, const Variable& p, std::span<Tensor> kept) {
  p.dtype() == f32 ? go<float>(o, now.lr, p, kept) : go<double>(o, now.lr, p, kept);
}

}  // namespace ravine::optim
