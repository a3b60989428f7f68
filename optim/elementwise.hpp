/// @file
/// The base of optimizers that do the same to every element: Derived gives its options and its rule, the base owns the
/// state, the loop over parameters and elements, threads and both precisions.
#pragma once

#include <array>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/optim/groups.hpp>

namespace ravine::detail {

/// What a rule adds up over the elements, of those that do.
using Sums = std::array<double, 2>;

/// A rule over the elements [begin, end). A slot that is not kept (null) reads as zero for every element.
template <class T>
using RuleLoop = Sums (*)(const void* rule, T* theta, const T* g, T* const* slots, Index begin, Index end);

/// The loops of a rule.
struct RuleLoops {
  RuleLoop<float> f32;
  RuleLoop<double> f64;
};

/// So many elements are handled at once: a constant count of iterations vectorises at -O2 too.
inline constexpr Index rule_block = 64;
/// So many are added up in their own precision, each place of a block for itself, and then in f64: of squares in f32,
/// to within 10⁻⁶ of the sum.
inline constexpr Index sum_piece = 4096;
inline constexpr std::size_t max_slots = 8;

/// How many numbers a rule returns, to be added up: an array of them, or nothing.
template <class T>
inline constexpr std::size_t summed = 0;
template <class T, std::size_t n>
inline constexpr std::size_t summed<std::array<T, n>> = n;

/// The sum, or what the rule makes of two numbers in its place: within a piece or a row only, as pieces are added.
template <class Rule, class T>
[[gnu::always_inline]] inline T joined(T a, T b) {
  if constexpr (requires { Rule::join(a, b); }) return Rule::join(a, b);
  return a + b;
}

/// Everything is inlined, so that code for one instruction set cannot be merged with code for another.
template <class Rule, class T, std::size_t n, class... Slot>
[[gnu::always_inline]] inline void apply_rule(const Rule& rule, Index count, T (&sums)[n][rule_block],
                                              T* __restrict theta, const T* __restrict g, Slot* __restrict... slot) {
#if !defined(__clang__)
#pragma GCC ivdep  // arrays are distinct; g++ forgets __restrict when it inlines
#endif
  for (Index i = 0; i < count; ++i) {
    if constexpr (summed<decltype(rule(theta[i], g[i], slot[i]...))> == 0) {
      static_cast<void>(rule(theta[i], g[i], slot[i]...));
    } else {
      const auto terms = rule(theta[i], g[i], slot[i]...);
      for (std::size_t s = 0; s < terms.size(); ++s) sums[s][i] = joined<Rule>(sums[s][i], terms[s]);
    }
  }
}

/// The sum over the first places of a block, all that are in use: a short row pays for no others.
template <class Rule, class T>
[[gnu::always_inline]] inline double sum_of_block(const T (&places)[rule_block], Index used) {
  double eight[8] = {}, sum = 0.0;
  if (used <= 8) {  // the same numbers in the same order
    for (Index i = 0; i < used; ++i) sum = joined<Rule>(sum, static_cast<double>(places[i]));
    return sum;
  }
  for (Index i = 0; i < used; i += 8)
    for (Index j = 0; j < 8; ++j) eight[j] = joined<Rule>(eight[j], static_cast<double>(places[i + j]));
  for (const double x : eight) sum = joined<Rule>(sum, x);
  return sum;
}

template <class T>
[[gnu::always_inline]] inline T* slot_or_zeros(T* slot, Index begin, T* zeros) {
  if (slot) return slot + begin;
  for (Index i = 0; i < rule_block; ++i) zeros[i] = T(0);
  return zeros;
}

template <class Rule, class T, std::size_t... k>
[[gnu::always_inline]] inline Sums run_rule(const void* given, T* theta, const T* g, [[maybe_unused]] T* const* slots,
                                            Index begin, Index end, std::index_sequence<k...>) {
  const Rule rule = *static_cast<const Rule*>(given);  // a copy nothing else can reach stays in registers
  if constexpr (requires { rule.slots_used; } && sizeof...(k) > 1)
    if (rule.slots_used < sizeof...(k))
      return run_rule<Rule>(given, theta, g, slots, begin, end, std::make_index_sequence<sizeof...(k) - 1>());
  constexpr std::size_t n = summed<decltype(rule(*theta, *g, *slots[k]...))>;
  static_assert(n <= std::tuple_size_v<Sums>, "a rule returns two numbers at most");
  [[maybe_unused]] T zeros[sizeof...(k) + 1][rule_block];
  Sums total{};
  for (Index i = begin; i < end;) {
    T sums[n == 0 ? 1 : n][rule_block] = {};
    const Index stop = n == 0 || end - i < sum_piece ? end : i + sum_piece;
    [[maybe_unused]] const Index used = stop - i < rule_block ? stop - i : rule_block;
    for (; i + rule_block <= stop; i += rule_block)
      apply_rule(rule, rule_block, sums, theta + i, g + i, slot_or_zeros(slots[k], i, zeros[k])...);
    if (i < stop) apply_rule(rule, stop - i, sums, theta + i, g + i, slot_or_zeros(slots[k], i, zeros[k])...);
    i = stop;
    for (std::size_t s = 0; s < n; ++s) total[s] = joined<Rule>(total[s], sum_of_block<Rule>(sums[s], used));
  }
  return total;
}

/// The loop of optimizer O, compiled here, with the flags of whoever includes this.
template <class O, class T>
Sums rule_loop(const void* rule, T* theta, const T* g, T* const* slots, Index begin, Index end) {
  return run_rule<typename O::Rule>(rule, theta, g, slots, begin, end, std::make_index_sequence<O::slots.size()>());
}

/// The loops of a rule of the library's own, compiled for this processor.
template <class Rule>
const RuleLoops& built_in_loops();

/// Changes those that have a gradient. slots: the same number for each.
void run_rule(const RuleLoops& loops, const void* rule, std::span<const Variable> params, std::span<Tensor> slots);

[[noreturn]] void refuse_slot(const char* optimizer, const char* slot);

}  // namespace ravine::detail

namespace ravine::optim {

/// An optimizer made of a rule for one element. Derived, a class with `using Elementwise::Elementwise`, has
///
///     static constexpr const char* name = "Momentum";
///     static constexpr std::array slots = {"momentum"};  // what is kept for each element, 0 at the start
///     struct Rule {
///       Rule(const Options&, double lr, Index t);  // once a step and group: lr in force, t = 1, 2, …
///       template <class T>
///       void operator()(T& theta, T g, T& momentum) const;  // for float and double
///     };
///
/// and, public as well, if it needs them,
///
///     static bool uses(const Options&, std::size_t slot);       // false: not kept, reads as 0 (no memory)
///     static double initial(const Options&, std::size_t slot);  // the value a slot starts with
///     static bool starts_at_parameter(std::size_t slot);        // true: it starts as a copy of the parameter,
///                                                              // when the first update begins
///
/// Options has a field `lr`; see options.hpp. Tests of t belong into the rule's constructor, not into its call. A rule
/// with a member `std::size_t slots_used` is given only so many of its slots, the first; what its call returns is
/// dropped here. (Rules of Parameterwise have it added up, or joined by their `static T join(T, T)`.)
/// The library's own say `static constexpr bool built_in = true` and are in rules.hpp or others.hpp.
template <class Derived, class Options>
class Elementwise : public Grouped<Options> {
  using Base = Grouped<Options>;

 public:
  /// One group. Throws std::invalid_argument for options out of range, and as Optimizer.
  explicit Elementwise(std::vector<Variable> params, Options options = {});
  /// Groups that differ in their options. Throws std::invalid_argument for a group without parameters as well.
  explicit Elementwise(const std::vector<ParamGroup<Options>>& groups);

 protected:
  static constexpr std::size_t slot_count() { return Derived::slots.size(); }
  Tensor& slot(std::size_t parameter, std::size_t k) { return this->state(parameter * slot_count() + k); }

  void update() override;
  /// The rule, on the group's parameters.
  template <class Rule>
  void run(const typename Base::Group& group, const Rule& rule) {
    const std::size_t begin = group.begin, count = group.end - group.begin;
    detail::run_rule(loops(), &rule, std::span(this->parameters()).subspan(begin, count),
                     this->state(begin * slot_count(), count * slot_count()));
  }

  void check_loaded(const typename Base::Group& present, const Options& loaded) const override;

 private:
  void make_state();
  static bool kept(const Options& options, std::size_t k) {
    if constexpr (requires { Derived::uses(options, k); }) return Derived::uses(options, k);
    return true;
  }

  void add_slot(const Options& options, std::size_t i, std::size_t k);

  static const detail::RuleLoops& loops() {
    static_assert(slot_count() <= detail::max_slots);
    if constexpr (requires { requires Derived::built_in; }) {
      return detail::built_in_loops<typename Derived::Rule>();
    } else {
      static constexpr detail::RuleLoops here = {detail::rule_loop<Derived, float>, detail::rule_loop<Derived, double>};
      return here;
    }
  }
};

template <class Derived, class Options>
Elementwise<Derived, Options>::Elementwise(std::vector<Variable> params, Options options)
    : Base(Derived::name, std::move(params), std::move(options)) {
  make_state();
}

template <class Derived, class Options>
Elementwise<Derived, Options>::Elementwise(const std::vector<ParamGroup<Options>>& groups)
    : Base(Derived::name, groups) {
  make_state();
}

template <class Derived, class Options>
void Elementwise<Derived, Options>::update() {
  for (const auto& group : this->groups())
    run(group, typename Derived::Rule(group.options, group.options.lr * this->lr_factor(), this->steps() + 1));
}

template <class Derived, class Options>
void Elementwise<Derived, Options>::check_loaded(const typename Base::Group& present, const Options& loaded) const {
  for (std::size_t k = 0; k < slot_count(); ++k)
    if (kept(loaded, k) != kept(present.options, k)) detail::refuse_slot(Derived::name, Derived::slots[k]);
}

template <class Derived, class Options>
void Elementwise<Derived, Options>::make_state() {
  for (const auto& group : this->groups())
    for (std::size_t i = group.begin; i < group.end; ++i)
      for (std::size_t k = 0; k < slot_count(); ++k) add_slot(group.options, i, k);
}

template <class Derived, class Options>
void Elementwise<Derived, Options>::add_slot(const Options& options, std::size_t i, std::size_t k) {
  if constexpr (requires { Derived::starts_at_parameter(k); })
    if (Derived::starts_at_parameter(k)) return this->add_copy(i, Derived::slots[k]);
  double value = 0.0;
  if constexpr (requires { Derived::initial(options, k); }) value = Derived::initial(options, k);
  const Variable& p = this->parameters()[i];
  this->add_state(i, Derived::slots[k], kept(options, k) ? full(p.shape(), value, p.dtype()) : Tensor());
}

}  // namespace ravine::optim
