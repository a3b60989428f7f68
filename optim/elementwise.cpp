#include <ravine/optim/elementwise.hpp>

#include <algorithm>

#include <ravine/core/text.hpp>
#include <ravine/optim/kernels/rules.hpp>
#include <ravine/optim/pieces.hpp>
#include <ravine/optim/rules.hpp>

namespace ravine::detail {
namespace {

static_assert(sum_piece % rule_block == 0, "an element is in the same kind of block whatever the number of threads");

/// In whole pieces, so that the number of threads decides nothing.
template <class T>
Sums run(RuleLoop<T> loop, const void* rule, Tensor& value, const Tensor& gradient, std::span<Tensor> slots) {
  T* const theta = value.raw<T>();
  const T* const g = gradient.raw<T>();
  T* arrays[max_slots] = {};
  for (std::size_t k = 0; k < slots.size(); ++k) arrays[k] = slots[k].raw<T>();
  const Index n = value.numel(), pieces = (n + sum_piece - 1) / sum_piece;
  if (pieces <= 1) return loop(rule, theta, g, arrays, 0, n);
  Tensor sums({pieces, 2}, f64);
  parallel_for(pieces, long_piece(pieces, 4), [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      keep_sums(sums, i, loop(rule, theta, g, arrays, i * sum_piece, std::min(n, (i + 1) * sum_piece)));
  });
  return sum_of(sums);
}

}  // namespace

[[gnu::used]] static constexpr auto all = built_in(Rules());

Sums sum_of(const Tensor& sums) {
  Sums total{};
  const double* of = sums.raw<double>();
  for (Index left = sums.size(0); left > 0; --left)
    for (std::size_t k = 0; k < total.size(); ++k) total[k] += *of++;
  return total;
}

Sums run_rule(const RuleLoops& loops, const void* rule, const Variable& p, std::span<Tensor> slots,
              std::uint64_t time) {
  Tensor& value = p.node()->value;
  const Sums sums = value.dtype() == f32 ? run(loops.f32, rule, value, p.grad(), slots)
                                         : run(loops.f64, rule, value, p.grad(), slots);
  value.mark_written(time);
  return sums;
}

void run_rule(const RuleLoops& loops, const void* rule, std::span<const Variable> params, std::span<Tensor> slots) {
  const auto time = advance_write_clock();
  const std::size_t count = slots.size() / params.size();
  for (std::size_t i = 0; i < params.size(); ++i)
    if (params[i].grad().defined()) run_rule(loops, rule, params[i], slots.subspan(i * count, count), time);
}

void refuse_slot(const char* optimizer, const char* slot) {
  throw std::invalid_argument(text(optimizer, ": the loaded options do not go with the state: '", slot,
                                   "' is kept with one of them and not with the other"));
}

}  // namespace ravine::detail
