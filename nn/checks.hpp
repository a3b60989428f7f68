/// @file
/// What losses and metrics ask of their arguments; for the library's sources.
#pragma once

#include <limits>

#include <ravine/autograd/variable.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Throws ShapeError, DTypeError unless both have one shape and one floating type.
void check_pair(const char* op, const Variable& prediction, const Variable& target);

/// No class is ignored.
inline constexpr Index ignore_none = std::numeric_limits<Index>::min();

/// The number of rows that are not ignored. Throws DTypeError, ShapeError, std::out_of_range unless scores (N, C) are
/// floating, and targets (N) are i64 in [0, C) or `ignored`.
Index check_classes(const char* op, const Variable& scores, const Tensor& target, Index ignored = ignore_none);

/// Throws std::out_of_range, naming the first, for classes that are neither in [0, count) nor `ignored`. what:
/// "target".
void check_range(const char* op, const char* what, const Tensor& classes, Index count, Index ignored = ignore_none);

/// Throws std::invalid_argument, naming the first, for floating targets that are not in [0, 1].
void check_probabilities(const char* op, const Tensor& target);
/// The same for those that are neither -1 nor 1.
void check_signs(const char* op, const Tensor& target);

}  // namespace ravine::detail
#pragma GCC visibility pop
