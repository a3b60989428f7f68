#include <ravine/optim/factored.hpp>

namespace ravine::detail {
namespace {

/// The sums over rows, added to what there is.
template <class T>
void add_rows(const Tensor& all, Tensor& sums) {
  const Index rows = all.size(0), m = all.size(1);
  for_columns(rows, m, [from = all.raw<T>(), to = sums.raw<double>(), rows, m](Index begin, Index end) {
    for (Index i = 0; i < rows; ++i)
      for (Index j = begin; j < end; ++j) to[j] += static_cast<double>(from[i * m + j]);
  });
}

}  // namespace

Kept factored_keeps(const Variable& p) {
  if (p.rank() < 2) return {{"v", zeros_like(p.value())}};
  const Index rows = p.size(0);
  return {{"rows", zeros({rows}, p.dtype())}, {"columns", zeros({rows == 0 ? 0 : p.numel() / rows}, p.dtype())}};
}

void SquareSums::finish(const Tensor& sums, const Tensor& strips) {
  rows = sums.slice(1, 0, 1).reshape({-1});
  columns = zeros({strips.size(1)}, f64);
  strips.dtype() == f32 ? add_rows<float>(strips, columns) : add_rows<double>(strips, columns);
  second = sum_of(sums)[1];
}

}  // namespace ravine::detail
