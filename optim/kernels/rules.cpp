// The rules' loops, optimised for one instruction set.
#include <ravine/optim/kernels/rules.hpp>

namespace ravine::detail {
namespace {

// Local, unlike rule_loop: the linker must not take this code for that of another instruction set.
template <class O, class T>
void run(const void* rule, T* theta, const T* g, T* const* slots, Index begin, Index end) {
  run_rule<typename O::Rule>(rule, theta, g, slots, begin, end, std::make_index_sequence<O::slots.size()>());
}

template <class... O>
consteval RuleTable table_of(RuleList<O...>) {
  return {{{run<O, float>, run<O, double>}...}};
}
constexpr RuleTable table = table_of(Rules());

}  // namespace

template <>
const RuleTable& rule_table<Isa::RAVINE_KERNEL_ISA>() {
  return table;
}

}  // namespace ravine::detail
