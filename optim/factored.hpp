/// @file
/// What rules that keep numbers for the rows and columns of a matrix share; for the library's sources, not its public
/// headers.
#pragma once

#include <algorithm>
#include <span>

#include <ravine/optim/algebra.hpp>
#include <ravine/optim/pieces.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Rows of a matrix of so many that are gone through one after the other; what is kept for a strip of them does not
/// depend on the number of threads.
inline Index strip_of(Index rows) { return std::clamp<Index>(rows / 8, 1, 64); }
inline Index strips_of(Index rows) { return (rows + strip_of(rows) - 1) / strip_of(rows); }

/// A rule for one element over row i of a parameter as a matrix. Its slots are that row of matrices of as many rows,
/// that of the strip, if there are as many, or the only one.
Sums run_row(const RuleLoops& loops, const void* rule, const Variable& p, Index rows, Index i, std::span<Tensor> slots);

/// The same for each row i, whose rule is rule_of(i); what each adds up, two numbers for each.
template <class F>
Tensor run_rows(const Variable& p, Index rows, std::span<Tensor> slots, F&& rule_of) {
  Tensor sums({rows, 2}, f64);
  const Index strip = strip_of(rows);
  for_long_rows(strips_of(rows), strip * (p.numel() / rows), [&](Index begin, Index end) {
    for (Index i = strip * begin; i < std::min(rows, strip * end); ++i) {
      const auto rule = rule_of(i);
      keep_sums(sums, i, run_row(active_loops<std::remove_cv_t<decltype(rule)>>(), &rule, p, rows, i, slots));
    }
  });
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
