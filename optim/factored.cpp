#include <ravine/optim/factored.hpp>

#include <numeric>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/dispatch.hpp>

namespace ravine::detail {

template <class T>
const RowLoops<T>& active_row_loops() {
  static const RowLoops<T> active = with_active_isa([]<Isa isa>() { return row_loops<isa, T>(); });
  return active;
}
template const RowLoops<float>& active_row_loops();
template const RowLoops<double>& active_row_loops();

namespace {

template <class T>
void add_squares(const Tensor& g, Tensor& row_sums, Tensor& column_sums) {
  const Index n = row_sums.numel(), m = column_sums.numel();
  Tensor parts = zeros({strips_of(n), m}, g.dtype());
  for_strips(n, m, [&](Index strip, Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      row_sums.raw<double>()[i] = active_row_loops<T>().squares(g.raw<T>() + i * m, m, parts.raw<T>() + strip * m);
  });
  for (Index strip = 0; strip < parts.size(0); ++strip)
    for (Index j = 0; j < m; ++j) column_sums.raw<double>()[j] += static_cast<double>(parts.raw<T>()[strip * m + j]);
}

template <class T>
double size_of(const FactoredRoots& roots, const Tensor& g) {
  const Index n = roots.rows.numel(), m = roots.columns.numel();
  std::vector<double> sums(static_cast<std::size_t>(n));
  for_rows(n, m, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      sums[static_cast<std::size_t>(i)] = active_row_loops<T>().size(
          g.raw<T>() + i * m, m, roots.rows.raw<T>()[i], roots.columns.raw<T>(), static_cast<T>(roots.least));
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

template <class T>
void go(const FactoredRoots& roots, const Variable& p, double rate, double eps, double decay) {
  const Index n = roots.rows.numel(), m = roots.columns.numel();
  T* const x = p.node()->value.raw<T>();
  const T* const g = p.grad().raw<T>();
  for_rows(n, m, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      active_row_loops<T>().step(x + i * m, g + i * m, m, roots.rows.raw<T>()[i], roots.columns.raw<T>(),
                                 static_cast<T>(rate), static_cast<T>(roots.least), static_cast<T>(eps),
                                 static_cast<T>(decay));
  });
}

}  // namespace

SquareSums::SquareSums(const Tensor& g, Index count)
    : rows(zeros({count}, f64)), columns(zeros({count == 0 ? 0 : g.numel() / count}, f64)) {
  g.dtype() == f32 ? add_squares<float>(g, rows, columns) : add_squares<double>(g, rows, columns);
}

double FactoredRoots::size(const Tensor& g) const {
  return g.dtype() == f32 ? size_of<float>(*this, g) : size_of<double>(*this, g);
}

void FactoredRoots::step(const Variable& p, double rate, double eps, double decay) const {
  p.dtype() == f32 ? go<float>(*this, p, rate, eps, decay) : go<double>(*this, p, rate, eps, decay);
  p.node()->value.mark_written(advance_write_clock());
}

}  // namespace ravine::detail
