#include <ravine/nn/metrics.hpp>

#include <limits>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/nn/checks.hpp>

namespace ravine::nn {
namespace {

using detail::text;

/// Predicted classes (N) for as many targets, all i64.
Tensor predicted_classes(const char* op, const Variable& predicted, const Tensor& target) {
  if (is_floating(predicted.dtype())) {
    detail::check_classes(op, predicted, target);
    return argmax(predicted.value(), 1);
  }
  if (predicted.dtype() != i64 || target.dtype() != i64)
    throw DTypeError(text(op, ": classes are i64, got ", predicted.dtype(), " and ", target.dtype()));
  if (predicted.rank() != 1 || predicted.shape() != target.shape())
    throw ShapeError(text(op, ": needs classes (N) and targets (N), got ", predicted.shape(), " and ", target.shape()));
  return predicted.value();
}

/// r2_score of one column, in f64.
double r2_of(const Tensor& prediction, const Tensor& target) {
  const double error = norm(target - prediction).item();
  const bool constant = max(target).item() == min(target).item();
  if (constant) return error > 0.0 ? 0.0 : 1.0 - error;  // NaN stays
  const double ratio = error / norm(target - mean(target)).item();
  return 1.0 - ratio * ratio;
}

}  // namespace

double accuracy(const Variable& predicted, const Tensor& target) {
  return mean(eq(predicted_classes("accuracy", predicted, target), target).to(f64)).item();
}

Tensor confusion_matrix(const Variable& predicted, const Tensor& target, Index classes) {
  constexpr const char* op = "confusion_matrix";
  if (classes < 0) throw std::invalid_argument(text(op, ": classes must be >= 0, got ", classes));
  const Tensor found = predicted_classes(op, predicted, target);
  detail::check_range(op, "prediction", found, classes);
  detail::check_range(op, "target", target, classes);
  Tensor counts = zeros({classes, classes}, i64);
  Index* const count = counts.raw<Index>();
  const Index *row = target.raw<Index>(), *column = found.raw<Index>();
  for (Index i = 0; i < target.numel(); ++i) ++count[row[i] * classes + column[i]];
  return counts;
}

double r2_score(const Variable& prediction, const Variable& target) {
  detail::check_pair("r2_score", prediction, target);
  if (target.rank() < 1 || target.rank() > 2)
    throw ShapeError(text("r2_score: needs (N) or (N, K), got ", target.shape()));
  const Index rows = target.size(0);
  if (rows < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto columns = [shape = Shape{rows, target.numel() / rows}](const Variable& x) {
    return transpose(x.value().to(f64).reshape(shape));
  };
  const Tensor y = columns(prediction), t = columns(target);
  double total = 0.0;
  for (Index k = 0; k < t.size(0); ++k) total += r2_of(y[k], t[k]);
  return total / static_cast<double>(t.size(0));
}

}  // namespace ravine::nn
