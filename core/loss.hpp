/// @file
/// The arithmetic of losses; for the library's sources. What comes in has been checked.
#pragma once

#include <ravine/core/tensor.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The sum of (a - b)^2 over all elements.
double squared_error(const Tensor& a, const Tensor& b);

/// The gradient of what softmax, or log_softmax, gives as y.
Tensor softmax_pullback(Tensor dy, const Tensor& y, const Dims& dims);
Tensor log_softmax_pullback(Tensor dy, const Tensor& y, const Dims& dims);

/// The classes that rows of scores belong to, and what they count.
struct ClassTargets {
  Tensor classes;    // (N) i64: positions in [0, C), or `ignored`
  Tensor weight;     // (C), of the scores' type; not defined: 1 for each class
  double smoothing;  // part of a row's weight that is spread over all classes
  Index ignored;     // rows of this class count for nothing
};

/// The sum over the classes c of -q[c] log(softmax(scores)[c]), (N) for scores (N, C), where
/// q[c] = weight[c] ((1 - smoothing) [c is the row's class] + smoothing / C), and 0 in rows that are ignored.
/// Fills rows (2, N) with what the pullback needs.
Tensor cross_entropies(const Tensor& scores, const ClassTargets& target, Tensor& rows);
/// The gradient of the scores from that of the losses, dy (N).
Tensor cross_entropy_pullback(const Tensor& dy, const Tensor& scores, const ClassTargets& target, const Tensor& rows);
/// q, (N, C).
Tensor class_weights(const ClassTargets& target, Index classes, DType dtype);

}  // namespace ravine::detail
#pragma GCC visibility pop
