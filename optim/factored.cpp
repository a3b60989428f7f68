#include <ravine/optim/factored.hpp>

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

}  // namespace

SquareSums::SquareSums(const Tensor& g, Index count)
    : rows(zeros({count}, f64)), columns(zeros({count == 0 ? 0 : g.numel() / count}, f64)) {
  g.dtype() == f32 ? add_squares<float>(g, rows, columns) : add_squares<double>(g, rows, columns);
}

}  // namespace ravine::detail
