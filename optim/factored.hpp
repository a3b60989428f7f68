/// @file
/// What rules that keep numbers for the rows and columns of a matrix share; for the library's sources, not its public
/// headers.
#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <type_traits>

#include <ravine/optim/algebra.hpp>
#include <ravine/optim/pieces.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Rows of a matrix of so many that are gone through one after the other; what is kept for a strip of them does not
/// depend on the number of threads, and takes an eighth of the matrix at most, but for a few rows.
inline Index strip_of(Index rows) { return std::clamp<Index>(rows / 8, 8, 64); }
inline Index strips_of(Index rows) { return (rows + strip_of(rows) - 1) / strip_of(rows); }

/// A parameter as a matrix, its gradient and the first n slots of a rule, row by row. Slots are as large as the
/// parameter, matrices with a row for each strip, or vectors, which all rows share.
template <class T, std::size_t n>
class Rows {
 public:
  Rows(const Variable& p, Index rows, std::span<Tensor> slots)
      : columns_(p.numel() / rows), strip_(strip_of(rows)), theta_(p.node()->value.raw<T>()), g_(p.grad().raw<T>()) {
    for (std::size_t k = 0; k < std::min(n, slots.size()); ++k) {
      if (!slots[k].defined()) continue;
      const bool whole = slots[k].numel() == p.numel(), of_strip = !whole && slots[k].rank() == 2;
      slots_[k] = {slots[k].raw<T>(), whole ? columns_ : 0, of_strip ? columns_ : 0};
      if (of_strip) together_ = strip_;
    }
  }

  /// How many rows one thread has to go through, as they share what they change.
  Index together() const { return together_; }
  Index columns() const { return columns_; }

  Sums run(RuleLoop<T> loop, const void* rule, Index i) const {
    T* arrays[n];
    const Index strip = i / strip_;
    for (std::size_t k = 0; k < n; ++k)
      arrays[k] = slots_[k].first + (i * slots_[k].of_row + strip * slots_[k].of_strip);
    return loop(rule, theta_ + i * columns_, g_ + i * columns_, arrays, 0, columns_);
  }

 private:
  struct Slot {
    T* first = nullptr;
    Index of_row = 0, of_strip = 0;  // how far those of two rows, of two strips, are apart
  };
  Index columns_, strip_, together_ = 1;
  T* theta_;
  const T* g_;
  std::array<Slot, n> slots_;
};

/// A rule for one element over each row i of a parameter as a matrix, rule_of(i); what each adds up, two numbers for
/// each, or nothing.
template <class F>
Tensor run_rows(const Variable& p, Index rows, std::span<Tensor> slots, F&& rule_of) {
  using Rule = std::remove_cvref_t<decltype(rule_of(Index{0}))>;
  constexpr bool adds_up = sums_of<Rule>() > 0;
  Tensor sums;
  if constexpr (adds_up) sums = Tensor({rows, 2}, f64);
  const auto run = [&]<class T>(RuleLoop<T> loop) {
    const Rows<T, slots_of<Rule>()> all(p, rows, slots);
    const Index high = all.together();
    for_long_rows((rows + high - 1) / high, high * all.columns(), [&](Index begin, Index end) {
      for (Index i = high * begin; i < std::min(rows, high * end); ++i) {
        const Rule rule = rule_of(i);
        [[maybe_unused]] const Sums of_row = all.run(loop, &rule, i);
        if constexpr (adds_up) keep_sums(sums, i, of_row);
      }
    });
  };
  const RuleLoops& loops = active_loops<Rule>();
  p.dtype() == f32 ? run(loops.f32) : run(loops.f64);
  p.node()->value.mark_written(advance_write_clock());
  return sums;
}

/// Zeros for the "rows" and "columns" of a matrix, the first dimension by all others; as "v" for each element of what
/// has fewer dimensions.
Kept factored_keeps(const Variable& p);

/// The sums of the squares of a parameter's gradient, as a matrix, over rows and columns, f64, by a rule that returns
/// the square, to be added up over a row, and adds it to its slot.
struct SquareSums {
  Tensor rows, columns;
  double second;  // what else the rule adds up

  template <class Rule>
  SquareSums(const Rule& rule, const Variable& p) {
    const Index n = p.size(0);
    Tensor strips = zeros({strips_of(n), p.numel() / n}, p.dtype());
    finish(run_rows(p, n, {&strips, 1}, [&](Index) { return rule; }), strips);
  }

 private:
  void finish(const Tensor& sums, const Tensor& strips);
};

}  // namespace ravine::detail
#pragma GCC visibility pop
