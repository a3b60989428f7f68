/// @file
/// Losses. Prediction and target have one shape and one floating dtype, and do not broadcast: (4, 1) against (4) is a
/// ShapeError. Class targets are positions, i64 (N), for scores (N, C), as `Table::codes` makes them of a column;
/// std::out_of_range for one that is not in [0, C). Targets that are probabilities or labels are std::invalid_argument
/// where they are none. A mean over nothing is NaN.
#pragma once

#include <ravine/autograd/variable.hpp>

namespace ravine::nn {

/// What becomes of the losses of the elements, rows or examples; batchmean divides their sum by the size of the first
/// dimension, whatever else there is.
enum class Reduction { mean, sum, none, batchmean };

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

struct SmoothL1Options {
  double beta = 1.0;  ///< where the square goes over into a line, >= 0; with 0 it is l1_loss
  Reduction reduction = Reduction::mean;
};

/// For e = prediction - target of each element: e^2 / (2 beta) up to |e| = beta, |e| - beta / 2 from there.
/// Source: Girshick: Fast R-CNN (2015).
Variable smooth_l1_loss(const Variable& prediction, const Variable& target, const SmoothL1Options& options = {});

/// For logits x and targets t in [0, 1], of each element: -t log(sigmoid(x)) - (1 - t) log(1 - sigmoid(x)).
Variable binary_cross_entropy_with_logits(const Variable& logits, const Variable& target,
                                          const LossOptions& options = {});

struct HingeOptions {
  double margin = 1.0;  ///< how far on its side of 0 a score should be
  Reduction reduction = Reduction::mean;
};

/// The loss of the support vector machine, max(0, margin - target score) of each element, for targets -1 or 1.
/// Source: Cortes, Vapnik: Support-vector networks (1995).
Variable hinge_loss(const Variable& scores, const Variable& target, const HingeOptions& options = {});

struct KlDivOptions {
  bool log_target = false;                ///< targets are given as logarithms, as predictions are
  Reduction reduction = Reduction::mean;  ///< of elements, as PyTorch; the divergence of rows is batchmean
};

/// t (log(t) - log p) of each element, for probabilities t in [0, 1] and the logarithms of predicted ones, as
/// log_softmax gives them; 0 where t is 0. Its sum over a distribution is the divergence of Kullback and Leibler of p
/// from t. Source: Kullback, Leibler: On information and sufficiency (1951).
Variable kl_div(const Variable& log_probabilities, const Variable& target, const KlDivOptions& options = {});

/// 1 - y . t / (|y| |t|) along the last dimension; 1 where y or t is 0. Lengths below 1e-8 count as 1e-8.
Variable cosine_similarity_loss(const Variable& prediction, const Variable& target, const LossOptions& options = {});

struct CrossEntropyOptions {
  Reduction reduction = Reduction::mean;
  double label_smoothing = 0.0;  ///< part of the target's weight that is spread over all classes, in [0, 1]
  Tensor weight = {};            ///< of each class, (C); the mean divides by the sum of the targets' weights
  Index ignore_index = -100;     ///< rows with this target count for nothing; it need not be a class
};

/// The sum over the classes c of each row of -q[c] log(softmax(logits)[c]); a class whose q is 0 adds 0, also where its
/// logit is -inf. A class target t gives q[t] = 1. A floating target (N, C) is q itself, each in [0, 1], and has a
/// gradient; its mean divides by N. Smoothing makes (1 - label_smoothing) q[c] + label_smoothing / C of q[c], which
/// weight[c] multiplies.
Variable cross_entropy(const Variable& logits, const Variable& target, const CrossEntropyOptions& options = {});

struct NllOptions {
  Reduction reduction = Reduction::mean;
  Tensor weight = {};         ///< of each class, (C); the mean divides by the sum of the targets' weights
  Index ignore_index = -100;  ///< rows with this target count for nothing; it need not be a class
};

/// -weight[target] log_probabilities[target] of each row: cross_entropy after log_softmax.
Variable nll_loss(const Variable& log_probabilities, const Tensor& target, const NllOptions& options = {});

struct MultiMarginOptions {
  double margin = 1.0;  ///< by how much the target's score should be the largest
  Reduction reduction = Reduction::mean;
};

/// The multiclass SVM loss of each row: the sum over the classes j other than the target y of
/// max(0, margin + scores[j] - scores[y]). (PyTorch's divides it by C.)
/// Source: Weston, Watkins: Support vector machines for multi-class pattern recognition (1999).
Variable multi_margin_loss(const Variable& scores, const Tensor& target, const MultiMarginOptions& options = {});

}  // namespace ravine::nn
