#include <ravine/nn/checks.hpp>

#include <limits>

#include <algorithm>

#include <ravine/core/text.hpp>

namespace ravine::detail {
namespace {

/// The position of element i, "(2, 0)".
std::string position(Index i, const Shape& shape) {
  Shape at = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    at[d] = i % shape[d];
    i /= shape[d];
  }
  return to_string(at);
}

template <class F>
void check_targets(const char* op, const Tensor& target, const char* needed, F holds) {
  visit_floating(op, target.dtype(), [&](auto type) {
    const auto *first = target.raw<decltype(type)>(), *last = first + target.numel();
    int all = 1;  // without a look for the first that is wrong, which would be one by one
#pragma omp simd reduction(& : all)
    for (Index i = 0; i < target.numel(); ++i) all &= holds(first[i]) ? 1 : 0;
    if (all) return;
    const auto* wrong = std::find_if_not(first, last, holds);
    throw std::invalid_argument(
        text(op, ": target ", position(wrong - first, target.shape()), " is ", *wrong, ", not ", needed));
  });
}

}  // namespace

void check_pair(const char* op, const Variable& prediction, const Variable& target) {
  if (prediction.shape() != target.shape())
    throw ShapeError(
        text(op, ": prediction is ", prediction.shape(), ", target is ", target.shape(), "; losses do not broadcast"));
  if (prediction.dtype() != target.dtype())
    throw DTypeError(text(op, ": prediction is ", prediction.dtype(), ", target is ", target.dtype()));
  check_floating(op, prediction.value());
}

Index check_classes(const char* op, const Variable& scores, const Tensor& target, Index ignored) {
  check_floating(op, scores.value());
  const bool column = target.rank() == 2 && target.shape()[1] == 1;
  const char* const flat = column ? "; make (N) of (N, 1) by reshape({-1})" : "";
  if (target.dtype() != i64)
    throw DTypeError(text(op, ": targets are classes, i64, got ", target.dtype(), " ", target.shape(),
                          "; Table::codes makes them of a column, to(i64) of numbers", flat));
  if (scores.rank() != 2 || target.shape() != Shape{scores.size(0)})
    throw ShapeError(
        text(op, ": needs scores (N, C) and targets (N), got ", scores.shape(), " and ", target.shape(), flat));
  check_range(op, "target", target, scores.size(1), ignored);
  const Index* classes = target.raw<Index>();
  return target.numel() - std::count(classes, classes + target.numel(), ignored);
}

void check_range(const char* op, const char* what, const Tensor& classes, Index count, Index ignored) {
  const Index *first = classes.raw<Index>(), *last = first + classes.numel();
  const Index* wrong = std::find_if(first, last, [=](Index c) { return (c < 0 || c >= count) && c != ignored; });
  if (wrong != last)
    throw std::out_of_range(text(op, ": ", what, " ", wrong - first, " is class ", *wrong, ", of ", count));
}

void check_probabilities(const char* op, const Tensor& target) {
  check_targets(op, target, "in [0, 1]", [](auto t) {
    constexpr auto rounding = 16 * std::numeric_limits<decltype(t)>::epsilon();  // of what was added up
    return t >= -rounding && t <= 1 + rounding;
  });
}

void check_signs(const char* op, const Tensor& target) {
  check_targets(op, target, "-1 or 1", [](auto t) { return t == 1 || t == -1; });
}

}  // namespace ravine::detail
