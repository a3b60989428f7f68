/// @file
/// Losses. Prediction and target have one shape and one floating dtype, and do not broadcast: (4, 1) against (4) is a
/// ShapeError. Class targets are positions, i64 (N), for scores (N, C); std::out_of_range for one that is not in [0,
/// C). A mean over nothing is NaN.
#pragma once

#include <ravine/autograd/variable.hpp>

namespace ravine::nn {

/// What becomes of the losses of the elements, rows or examples.
enum class Reduction { mean, sum, none };

struct LossOptions {
  Reduction reduction = Reduction::mean;
};

/// (prediction - target)^2 of each element.
Variable mse_loss(const Variable& prediction, const Variable& target, const LossOptions& options = {});

/// |prediction - target| of each element; derivative at 0: 0.
Variable l1_loss(const Variable& prediction, const Variable& target, const LossOptions& options = {});

struct HuberOptions {
  double delta = 1.0;  ///< where the square goes over into a line, > 0
  Reduction reduction = Reduction::mean;
};

/// For e = prediction - target of each element: e^2 / 2 up to |e| = delta, delta (|e| - delta / 2) from there.
/// Source: Huber: Robust estimation of a location parameter (1964).
Variable huber_loss(const Variable& prediction, const Variable& target, const HuberOptions& options = {});

/// For logits x and targets t in [0, 1], of each element: -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)).
Variable binary_cross_entropy_with_logits(const Variable& logits, const Variable& target,
                                          const LossOptions& options = {});

/// 1 - y . t / (|y| |t|) along the last dimension; 1 where y or t is 0.
Variable cosine_similarity_loss(const Variable& prediction, const Variable& target, const LossOptions& options = {});

struct CrossEntropyOptions {
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0.0;  ///< part of the target's weight that is spread over all classes, in [0, 1]
};

/// -log(softmax(logits))[target] of each row.
Variable cross_entropy(const Variable& logits, const Tensor& target, const CrossEntropyOptions& options = {});

/// -log_probabilities[target] of each row: cross_entropy after log_softmax.
Variable nll_loss(const Variable& log_probabilities, const Tensor& target, const LossOptions& options = {});

struct MultiMarginOptions {
  double margin = 1.0;  ///< by how much the target's score should be the largest
  Reduction reduction = Reduction::mean;
};

/// The multiclass SVM loss of each row: the sum over the classes j other than the target y of
/// max(0, margin + scores[j] - scores[y]). (PyTorch's divides it by C.)
/// Source: Weston, Watkins: Support vector machines for multi-class pattern recognition (1999).
Variable multi_margin_loss(const Variable& scores, const Tensor& target, const MultiMarginOptions& options = {});

}  // namespace ravine::nn
