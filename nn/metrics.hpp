/// @file
/// How good predictions are: plain numbers, without gradients. Classes are i64; what predicts them may be scores, (N,
/// C), of which the largest counts (of equals the first), or classes, (N). All throw ShapeError and DTypeError, naming
/// themselves, for what does not fit; std::out_of_range for a class that is not there. A mean over nothing is NaN.
#pragma once

#include <ravine/autograd/variable.hpp>

namespace ravine::nn {

/// The part of the targets (N) that is predicted, in [0, 1].
double accuracy(const Variable& predicted, const Tensor& target);

/// How many examples of each true class (row) were predicted to be of each class (column): (classes, classes) i64.
Tensor confusion_matrix(const Variable& predicted, const Tensor& target, Index classes);

/// 1 - sum((target - prediction)^2) / sum((target - mean of the targets)^2), at most 1, the coefficient of
/// determination; of several columns their mean. For targets that are all equal: 1 if all are predicted exactly,
/// otherwise 0. Of fewer than two rows: NaN. (N) or (N, K), of one shape and one floating type. As scikit-learn has it.
double r2_score(const Variable& prediction, const Variable& target);

}  // namespace ravine::nn
