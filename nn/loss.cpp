#include <ravine/nn/loss.hpp>

#include <algorithm>

#include <ravine/autograd/activations.hpp>
#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/manipulate.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/kernels.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>

namespace ravine::nn {
namespace {

using detail::text;

void check_pair(const char* op, const Variable& prediction, const Variable& target) {
  if (prediction.shape() != target.shape())
    throw ShapeError(
        text(op, ": prediction is ", prediction.shape(), ", target is ", target.shape(), "; losses do not broadcast"));
  if (prediction.dtype() != target.dtype())
    throw DTypeError(text(op, ": prediction is ", prediction.dtype(), ", target is ", target.dtype()));
  detail::check_floating(op, prediction.value());
}

void check_classes(const char* op, const Variable& scores, const Tensor& target) {
  detail::check_floating(op, scores.value());
  if (target.dtype() != i64) throw DTypeError(text(op, ": targets are classes, i64, got ", target.dtype()));
  if (scores.rank() != 2 || target.shape() != Shape{scores.size(0)})
    throw ShapeError(text(op, ": needs scores (N, C) and targets (N), got ", scores.shape(), " and ", target.shape()));
  const Index* classes = target.raw<Index>();
  for (Index i = 0; i < target.numel(); ++i)
    if (classes[i] < 0 || classes[i] >= scores.size(1))
      throw std::out_of_range(text(op, ": target ", i, " is class ", classes[i], ", of ", scores.size(1)));
}

template <class V>
V reduce(V losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  return reduction == Reduction::sum ? sum(losses) : mean(losses);
}

// The total over fixed pieces, whoever computes them, added up in order.
template <class T>
double squared_error(const T* a, const T* b, Index n) {
  constexpr Index piece = detail::parallel_grain;
  const auto kernel = kernels::kernels<T>().loss.squared_error;
  if (n <= piece) return kernel(a, b, n);
  Tensor parts({(n + piece - 1) / piece}, f64);
  detail::parallel_for(parts.numel(), 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i)
      parts.raw<double>()[i] = kernel(a + i * piece, b + i * piece, std::min(piece, n - i * piece));
  });
  return sum(parts).item();
}

/// scale dy (a - b) for a scalar dy.
Tensor scaled_difference(const Tensor& dy, const Tensor& a, const Tensor& b, double scale) {
  Tensor dx(a.shape(), a.dtype());
  detail::visit_floating("mse_loss", a.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto kernel = kernels::kernels<T>().loss.scaled_difference;
    const T factor = *dy.raw<T>() * static_cast<T>(scale);
    detail::parallel_for(a.numel(), detail::parallel_grain, [&](Index begin, Index end) {
      kernel(a.raw<T>() + begin, b.raw<T>() + begin, factor, dx.raw<T>() + begin, end - begin);
    });
  });
  return dx;
}
Variable scaled_difference(const Variable& dy, const Variable& a, const Variable& b, double scale) {
  return (a - b) * (dy * scale);
}

}  // namespace

Variable mse_loss(const Variable& prediction, const Variable& target, const LossOptions& options) {
  check_pair("mse_loss", prediction, target);
  if (options.reduction == Reduction::none) return square(prediction - target);
  const double count = options.reduction == Reduction::mean ? static_cast<double>(prediction.numel()) : 1.0;
  const double total = detail::visit_floating("mse_loss", prediction.dtype(), [&](auto type) {
    using T = decltype(type);
    return squared_error(prediction.value().raw<T>(), target.value().raw<T>(), prediction.numel());
  });
  const auto edge = [scale = 2.0 / count](const Variable& mine, const Variable& other) {
    return [mine, other, scale](auto dy) { return scaled_difference(dy, like(dy, mine), like(dy, other), scale); };
  };
  return record("mse_loss", scalar(total / count, prediction.dtype()),
                {{prediction, edge(prediction, target)}, {target, edge(target, prediction)}});
}

Variable l1_loss(const Variable& prediction, const Variable& target, const LossOptions& options) {
  check_pair("l1_loss", prediction, target);
  return reduce(abs(prediction - target), options.reduction);
}

Variable huber_loss(const Variable& prediction, const Variable& target, const HuberOptions& options) {
  check_pair("huber_loss", prediction, target);
  if (!(options.delta > 0.0)) throw std::invalid_argument(text("huber_loss: delta must be > 0, got ", options.delta));
  const Variable error = prediction - target;
  const Variable near = clamp(error, -options.delta, options.delta);
  return reduce(near * (error - near * 0.5), options.reduction);
}

Variable binary_cross_entropy_with_logits(const Variable& logits, const Variable& target, const LossOptions& options) {
  constexpr const char* op = "binary_cross_entropy_with_logits";
  check_pair(op, logits, target);
  // max(x, 0) - x t + log(1 + exp(-|x|)): no exponential overflows, and small losses keep their digits.
  const Tensor &x = logits.value(), &t = target.value();
  Tensor losses = relu(x) - x * t + softplus(-abs(x));
  return reduce(
      record(op, std::move(losses),
             {{logits,
               [logits, target](auto dy) { return std::move(dy) * (sigmoid(like(dy, logits)) - like(dy, target)); }},
              {target, [logits](auto dy) { return -(std::move(dy) * like(dy, logits)); }}}),
      options.reduction);
}

Variable cosine_similarity_loss(const Variable& prediction, const Variable& target, const LossOptions& options) {
  check_pair("cosine_similarity_loss", prediction, target);
  if (prediction.rank() == 0) throw ShapeError("cosine_similarity_loss: needs vectors, got ()");
  return reduce(1.0 - cosine_similarity(prediction, target, -1), options.reduction);
}

namespace {

/// p less the target distribution: 1 - smoothing at the target, and smoothing spread over all classes. p is (N, C).
Tensor less_target(Tensor p, const Tensor& target, double smoothing) {
  const Index classes = p.shape()[1];
  if (smoothing > 0.0) p = std::move(p) - smoothing / static_cast<double>(classes);
  detail::visit_floating("cross_entropy", p.dtype(), [&](auto type) {
    using T = decltype(type);
    T* values = p.raw<T>();
    for (Index i = 0; i < target.numel(); ++i)
      values[i * classes + target.raw<Index>()[i]] -= static_cast<T>(1.0 - smoothing);
  });
  return p;
}

/// f(first, rows) on pieces of the rows of scores; on several threads if there are many.
template <class F>
void by_rows(const Shape& scores, F&& f) {
  const Index rows = std::max<Index>(1, detail::parallel_grain / std::max<Index>(1, scores[1]));
  detail::parallel_for(scores[0], rows, [&](Index begin, Index end) { f(begin, end - begin); });
}

Tensor probabilities(const Tensor& logits, const Tensor& log_normalizer) {
  Tensor p(logits.shape(), logits.dtype());
  const Index classes = logits.shape()[1];
  detail::visit_floating("cross_entropy", logits.dtype(), [&](auto type) {
    using T = decltype(type);
    by_rows(logits.shape(), [&](Index i, Index rows) {
      kernels::kernels<T>().loss.probabilities(logits.raw<T>() + i * classes, log_normalizer.raw<T>() + i, rows,
                                               classes, p.raw<T>() + i * classes);
    });
  });
  return p;
}

/// The losses of the rows, (N), and on the way their log_normalizer, (N).
Tensor cross_entropies(const Tensor& logits, const Tensor& target, double smoothing, Tensor& log_normalizer) {
  Tensor losses(target.shape(), logits.dtype());
  const Index classes = logits.shape()[1];
  detail::visit_floating("cross_entropy", logits.dtype(), [&](auto type) {
    using T = decltype(type);
    const auto& kernel = kernels::kernels<T>();
    by_rows(logits.shape(), [&](Index begin, Index rows) {
      kernel.loss.log_normalizer(logits.raw<T>() + begin * classes, rows, classes, log_normalizer.raw<T>() + begin);
      for (Index i = begin; i < begin + rows; ++i) {
        const T* row = logits.raw<T>() + i * classes;
        const T top = log_normalizer.raw<T>()[i];
        T loss = static_cast<T>(1.0 - smoothing) * (top - row[target.raw<Index>()[i]]);
        if (smoothing > 0.0)
          loss += static_cast<T>(smoothing) *
                  (top - static_cast<T>(kernel.reduce.sum(row, classes) / static_cast<double>(classes)));
        losses.raw<T>()[i] = loss;
      }
    });
  });
  return losses;
}

}  // namespace

Variable cross_entropy(const Variable& logits, const Tensor& target, const CrossEntropyOptions& options) {
  check_classes("cross_entropy", logits, target);
  const double smoothing = options.label_smoothing;
  if (!(smoothing >= 0.0 && smoothing <= 1.0))
    throw std::invalid_argument(text("cross_entropy: label_smoothing must be in [0, 1], got ", smoothing));
  const Index rows = logits.size(0);
  Tensor log_normalizer({rows}, logits.dtype());
  Tensor losses = cross_entropies(logits.value(), target, smoothing, log_normalizer);
  const double scale = options.reduction == Reduction::mean ? 1.0 / static_cast<double>(rows) : 1.0;
  const Shape to_rows = options.reduction == Reduction::none ? Shape{rows, 1} : Shape{};
  const auto pullback = [=, target = Variable(target)](auto dy) {
    const decltype(dy) weight = reshape(dy * scale, to_rows);
    if constexpr (std::is_same_v<decltype(dy), Tensor>)
      return less_target(probabilities(logits.value(), log_normalizer), target.value(), smoothing) * weight;
    else
      return (softmax(logits, 1) + less_target(zeros_like(logits.value()), target.value(), smoothing)) * weight;
  };
  return record("cross_entropy", reduce(std::move(losses), options.reduction), {{logits, pullback}});
}

Variable nll_loss(const Variable& log_probabilities, const Tensor& target, const LossOptions& options) {
  check_classes("nll_loss", log_probabilities, target);
  const Variable chosen = gather(log_probabilities, 1, target.reshape({target.numel(), 1}));
  return reduce(-chosen.reshape(target.shape()), options.reduction);
}

Variable multi_margin_loss(const Variable& scores, const Tensor& target, const MultiMarginOptions& options) {
  check_classes("multi_margin_loss", scores, target);
  const Tensor column = target.reshape({target.numel(), 1});
  const Tensor others = ne(arange(scores.size(1), i64), column);
  const Variable excess = relu(scores - gather(scores, 1, column) + options.margin);
  return reduce(sum(where(others, excess, Variable(scalar(0.0, scores.dtype()))), 1), options.reduction);
}

}  // namespace ravine::nn
