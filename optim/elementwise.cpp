#include <ravine/optim/elementwise.hpp>

#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/kernels/rules.hpp>
#include <ravine/optim/pieces.hpp>

namespace ravine::detail {
namespace {

/// Parameters of more elements are shared out to the threads in pieces of so many at least.
constexpr Index min_piece = 16384;
static_assert(min_piece % rule_block == 0, "an element is in the same kind of block whatever the number of threads");

/// How many of n elements make a piece. Pieces are whole blocks, so that the number of threads decides nothing else.
Index piece_of(Index n) { return long_piece(n, min_piece) / rule_block * rule_block; }

template <class T>
void run(RuleLoop<T> loop, const void* rule, Tensor& value, const Tensor& gradient, Tensor* slots, std::size_t count) {
  T* const theta = value.raw<T>();
  const T* const g = gradient.raw<T>();
  T* arrays[max_slots];
  for (std::size_t k = 0; k < count; ++k) arrays[k] = slots[k].raw<T>();
  const Index n = value.numel();
  parallel_for(n, piece_of(n), [&](Index begin, Index end) { loop(rule, theta, g, arrays, begin, end); });
}

const RuleTable& active_rules() {
  static const RuleTable table = with_active_isa([]<Isa isa>() { return rule_table<isa>(); });
  return table;
}

template <class O, class... All>
consteval std::size_t place_in(RuleList<All...>) {
  std::size_t place = 0;
  static_cast<void>(((std::is_same_v<O, All> || (++place, false)) || ...));
  return place;
}

}  // namespace

template <class O>
const RuleLoops& built_in_loops() {
  return active_rules()[place_in<O>(Rules())];
}

/// Makes built_in_loops for every optimizer of the list.
template <class List>
struct BuiltIn;
template <class... O>
struct BuiltIn<RuleList<O...>> {
  static constexpr const RuleLoops& (*loops[])() = {built_in_loops<O>...};
};
template struct BuiltIn<Rules>;

void run_rule(const RuleLoops& loops, const void* rule, std::span<const Variable> params, std::span<Tensor> slots) {
  const auto time = advance_write_clock();
  const std::size_t count = slots.size() / params.size();
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (!params[i].grad().defined()) continue;
    Tensor& value = params[i].node()->value;
    if (value.dtype() == f32)
      run(loops.f32, rule, value, params[i].grad(), slots.data() + i * count, count);
    else
      run(loops.f64, rule, value, params[i].grad(), slots.data() + i * count, count);
    value.mark_written(time);
  }
}

void refuse_slot(const char* optimizer, const char* slot) {
  throw std::invalid_argument(text(optimizer, ": the loaded options do not go with the state: '", slot,
                                   "' is kept with one of them and not with the other"));
}

}  // namespace ravine::detail
