#include <ravine/nn/loss.hpp>

#include <limits>

#include <ravine/autograd/activations.hpp>
#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/loss.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/nn/checks.hpp>

namespace ravine::nn {
namespace {

using detail::check_classes;
using detail::check_pair;
using detail::text;

/// What the sum of losses of this shape is divided by. `counted` is the divisor of the mean.
double divisor(const char* op, Reduction reduction, const Shape& losses, double counted) {
  if (reduction == Reduction::mean) return counted;
  if (reduction == Reduction::sum) return 1.0;
  if (losses.rank() == 0) throw ShapeError(text(op, ": batchmean needs a first dimension, got ()"));
  return static_cast<double>(losses[0]);
}

Variable reduce(const char* op, Variable losses, Reduction reduction, double counted) {
  if (reduction == Reduction::none) return losses;
  if (reduction == Reduction::sum) return sum(losses);
  return sum(losses) / divisor(op, reduction, losses.shape(), counted);
}

Variable reduce(const char* op, Variable losses, Reduction reduction) {
  const auto count = static_cast<double>(losses.numel());
  return reduction == Reduction::mean ? mean(losses) : reduce(op, std::move(losses), reduction, count);
}

}  // namespace

Variable mse_loss(const Variable& prediction, const Variable& target, const LossOptions& options) {
  check_pair("mse_loss", prediction, target);
  if (options.reduction == Reduction::none) return square(prediction - target);
  const auto count = static_cast<double>(prediction.numel());
  return detail::squared_error(prediction, target, divisor("mse_loss", options.reduction, prediction.shape(), count));
}

Variable l1_loss(const Variable& prediction, const Variable& target, const LossOptions& options) {
  check_pair("l1_loss", prediction, target);
  return reduce("l1_loss", abs(prediction - target), options.reduction);
}

Variable huber_loss(const Variable& prediction, const Variable& target, const HuberOptions& options) {
  check_pair("huber_loss", prediction, target);
  if (!(options.delta > 0.0)) throw std::invalid_argument(text("huber_loss: delta must be > 0, got ", options.delta));
  return reduce("huber_loss", detail::huber_losses(prediction, target, options.delta, 1.0), options.reduction);
}

Variable smooth_l1_loss(const Variable& prediction, const Variable& target, const SmoothL1Options& options) {
  check_pair("smooth_l1_loss", prediction, target);
  const double beta = options.beta;
  if (!(beta >= 0.0)) throw std::invalid_argument(text("smooth_l1_loss: beta must be >= 0, got ", beta));
  const double least =
      prediction.dtype() == f32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  if (beta < least) return reduce("smooth_l1_loss", abs(prediction - target), options.reduction);
  return reduce("smooth_l1_loss", detail::huber_losses(prediction, target, beta, 1.0 / beta), options.reduction);
}

Variable binary_cross_entropy_with_logits(const Variable& logits, const Variable& target, const LossOptions& options) {
  constexpr const char* op = "binary_cross_entropy_with_logits";
  check_pair(op, logits, target);
  detail::check_probabilities(op, target.value());
  return reduce(op, detail::binary_cross_entropies(logits, target), options.reduction);
}

Variable hinge_loss(const Variable& scores, const Variable& target, const HingeOptions& options) {
  check_pair("hinge_loss", scores, target);
  detail::check_signs("hinge_loss", target.value());
  return reduce("hinge_loss", relu(options.margin - target * scores), options.reduction);
}

namespace {

/// log p, but 0 where p and its weight are: 0 log 0 = 0, and nothing is multiplied by infinity on the way back.
Variable finite_where_weighed(const Variable& weight, const Variable& log_p) {
  if (all_finite(log_p.value())) return log_p;
  const Tensor none = eq(log_p.value(), -std::numeric_limits<double>::infinity()) * eq(weight.value(), 0.0);
  return where(none, scalar(0.0, log_p.dtype()), log_p);
}

}  // namespace

Variable kl_div(const Variable& log_probabilities, const Variable& target, const KlDivOptions& options) {
  check_pair("kl_div", log_probabilities, target);
  if (!options.log_target) detail::check_probabilities("kl_div", target.value());
  const Variable one = scalar(1.0, target.dtype());
  const Variable p = options.log_target ? exp(target) : target;
  const Variable log_p = options.log_target ? target : log(where(eq(target.value(), 0.0), one, target));
  return reduce("kl_div", p * (finite_where_weighed(p, log_p) - finite_where_weighed(p, log_probabilities)),
                options.reduction);
}

Variable cosine_similarity_loss(const Variable& prediction, const Variable& target, const LossOptions& options) {
  check_pair("cosine_similarity_loss", prediction, target);
  if (prediction.rank() == 0) throw ShapeError("cosine_similarity_loss: needs vectors, got ()");
  return reduce("cosine_similarity_loss", 1.0 - cosine_similarity(prediction, target, -1), options.reduction);
}

namespace {

void check_weight(const char* op, const Tensor& weight, const Variable& scores) {
  if (!weight.defined()) return;
  if (weight.shape() != Shape{scores.size(1)})
    throw ShapeError(text(op, ": weight is ", weight.shape(), ", for scores ", scores.shape()));
  if (weight.dtype() != scores.dtype())
    throw DTypeError(text(op, ": weight is ", weight.dtype(), ", scores are ", scores.dtype()));
}

/// The weight of each row, that of its class (or 1); 0 of those that are ignored.
Tensor row_weights(const Tensor& target, const Tensor& weight, Index counted, Index ignored, DType dtype) {
  if (counted == target.numel() && weight.defined()) return index_select(weight, 0, target);
  const Tensor counts = ne(target, ignored);
  if (!weight.defined()) return counts.to(dtype);
  const Tensor classes = where(counts, target, scalar(0.0, i64));
  return where(counts, index_select(weight, 0, classes), scalar(0.0, dtype));
}

/// The cross entropy of rows whose targets are probabilities.
Variable soft_cross_entropy(const Variable& logits, const Variable& target, const CrossEntropyOptions& options) {
  constexpr const char* op = "cross_entropy";
  check_pair(op, logits, target);
  if (logits.rank() != 2) throw ShapeError(text(op, ": needs logits (N, C), got ", logits.shape()));
  detail::check_probabilities(op, target.value());
  check_weight(op, options.weight, logits);
  if (options.ignore_index != CrossEntropyOptions{}.ignore_index)
    throw std::invalid_argument(text(op, ": ignore_index is for class targets, got ", target.dtype(), " targets"));
  Variable q = target;
  if (options.label_smoothing > 0.0)
    q = q * (1.0 - options.label_smoothing) + options.label_smoothing / static_cast<double>(logits.size(1));
  if (options.weight.defined()) q = q * options.weight;
  return reduce(op, -sum(q * finite_where_weighed(q, log_softmax(logits, 1)), 1), options.reduction);
}

}  // namespace

Variable cross_entropy(const Variable& logits, const Variable& target, const CrossEntropyOptions& options) {
  constexpr const char* op = "cross_entropy";
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0.0 && smoothing <= 1.0))
    throw std::invalid_argument(text(op, ": label_smoothing must be in [0, 1], got ", smoothing));
  if (is_floating(target.dtype()) && target.shape() == logits.shape())
    return soft_cross_entropy(logits, target, options);
  const Index counted = check_classes(op, logits, target.value(), options.ignore_index);
  check_weight(op, options.weight, logits);
  const Variable losses = detail::cross_entropies(logits, target, options.weight, smoothing, options.ignore_index);
  if (counted == target.numel() && !options.weight.defined()) return reduce(op, losses, options.reduction);
  const Tensor weights = row_weights(target.value(), options.weight, counted, options.ignore_index, logits.dtype());
  return reduce(op, losses, options.reduction, sum(weights).item());
}

Variable nll_loss(const Variable& log_probabilities, const Tensor& target, const NllOptions& options) {
  constexpr const char* op = "nll_loss";
  const Index counted = check_classes(op, log_probabilities, target, options.ignore_index);
  check_weight(op, options.weight, log_probabilities);
  const Shape column{target.numel(), 1};
  if (counted == target.numel() && !options.weight.defined())
    return reduce(op, -gather(log_probabilities, 1, target.reshape(column)).reshape(target.shape()), options.reduction);
  const Tensor weights = row_weights(target, options.weight, counted, options.ignore_index, log_probabilities.dtype());
  const Tensor classes =
      counted == target.numel() ? target : where(ne(target, options.ignore_index), target, scalar(0.0, i64));
  const Variable chosen = gather(log_probabilities, 1, classes.reshape(column)).reshape(target.shape());
  Variable losses = chosen * -weights;
  const double total = sum(weights).item();
  // What weighs nothing counts for nothing, however improbable, and has no gradient either where a mean is of nothing.
  if (total == 0.0 || !all_finite(chosen.value()))
    losses = where(ne(weights, 0.0), losses, scalar(0.0, chosen.dtype()));
  return reduce(op, losses, options.reduction, total);
}

Variable multi_margin_loss(const Variable& scores, const Tensor& target, const MultiMarginOptions& options) {
  constexpr const char* op = "multi_margin_loss";
  check_classes(op, scores, target);
  const Tensor column = target.reshape({target.numel(), 1});
  const Tensor others = ne(arange(scores.size(1), i64), column);
  const Variable excess = relu(scores - gather(scores, 1, column) + options.margin);
  return reduce(op, sum(where(others, excess, Variable(scalar(0.0, scores.dtype()))), 1), options.reduction);
}

}  // namespace ravine::nn
