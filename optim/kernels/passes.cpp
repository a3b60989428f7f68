// The loops of passes, optimised for one instruction set.
#include <ravine/optim/kernels/passes.hpp>

namespace ravine::detail {
namespace {

/// On `count` elements. Sums are added up in a place for each of them, so that they vectorise without changing order.
template <class Pass, class T, std::size_t... k>
[[gnu::always_inline]] inline void run_block(const Pass& pass, Index count, T* __restrict theta, const T* __restrict g,
                                             [[maybe_unused]] T* const* slots, [[maybe_unused]] Index begin,
                                             T (&sums)[2][rule_block], std::index_sequence<k...>) {
  [[maybe_unused]] T* const at[sizeof...(k) + 1] = {slots[k] + begin...};
#if !defined(__clang__)
#pragma GCC ivdep  // arrays are distinct
#endif
  for (Index i = 0; i < count; ++i) {
    if constexpr (std::is_invocable_v<const Pass&, T&, T, decltype(at[k][i])..., T&, T&>)
      pass(theta[i], g[i], at[k][i]..., sums[0][i], sums[1][i]);
    else
      pass(theta[i], g[i], at[k][i]...);
  }
}

template <class Pass, class T>
Sums run(const void* given, T* theta, const T* g, T* const* slots, Index begin, Index end) {
  const Pass pass = *static_cast<const Pass*>(given);
  constexpr auto all = std::make_index_sequence<Pass::slots>();
  T sums[2][rule_block] = {};
  Index i = begin;
  for (; i + rule_block <= end; i += rule_block) run_block(pass, rule_block, theta + i, g + i, slots, i, sums, all);
  if (i < end) run_block(pass, end - i, theta + i, g + i, slots, i, sums, all);
  Sums total{};
  for (std::size_t k = 0; k < 2; ++k)
    for (const T sum : sums[k]) total[k] += static_cast<double>(sum);
  return total;
}

template <class... P>
consteval PassTable table_of(PassList<P...>) {
  return {{{run<P, float>, run<P, double>}...}};
}
constexpr PassTable table = table_of(Passes());

}  // namespace

template <>
const PassTable& pass_table<Isa::RAVINE_KERNEL_ISA>() {
  return table;
}

}  // namespace ravine::detail
