#include <ravine/optim/factored.hpp>

namespace ravine::detail {
namespace {

template <class T>
Sums run(RuleLoop<T> loop, const void* rule, const Variable& p, Index rows, Index i, std::span<Tensor> slots) {
  const Index m = p.numel() / rows;
  T* arrays[max_slots];
  for (std::size_t k = 0; k < slots.size(); ++k) {
    const Index there = slots[k].defined() ? slots[k].numel() / m : 0;
    const Index at = there == rows ? i : there == strips_of(rows) ? i / strip_of(rows) : 0;
    arrays[k] = there == 0 ? nullptr : slots[k].raw<T>() + at * m;
  }
  return loop(rule, p.node()->value.raw<T>() + i * m, p.grad().raw<T>() + i * m, arrays, 0, m);
}

}  // namespace

Sums run_row(const RuleLoops& loops, const void* rule, const Variable& p, Index rows, Index i,
             std::span<Tensor> slots) {
  return p.dtype() == f32 ? run(loops.f32, rule, p, rows, i, slots) : run(loops.f64, rule, p, rows, i, slots);
}

Kept factored_keeps(const Variable& p) {
  if (p.rank() < 2) return {{"v", zeros_like(p.value())}};
  const Index rows = p.size(0);
  return {{"rows", zeros({rows}, p.dtype())}, {"columns", zeros({rows == 0 ? 0 : p.numel() / rows}, p.dtype())}};
}

void SquareSums::finish(const Tensor& sums, const Tensor& strips) {
  rows = sums.slice(1, 0, 1).reshape({-1});
  columns = sum(strips.to(f64), {0});
  second = sum_of(sums)[1];
}

}  // namespace ravine::detail
