#include <ravine/autograd/gradcheck.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/engine.hpp>
#include <ravine/autograd/grad.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

std::string position(Index flat, const Shape& shape) {
  Shape result = shape;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    result[d] = flat % shape[d];
    flat /= shape[d];
  }
  return to_string(result);
}

std::vector<Variable> parameters(const std::vector<Tensor>& values) {
  std::vector<Variable> result;
  for (const Tensor& value : values) result.push_back(parameter(value));
  return result;
}

/// The gradients of a scalar, zeros where it does not depend on an input.
std::vector<Variable> gradients(const Variable& output, const std::vector<Variable>& inputs, bool create_graph) {
  std::vector<Variable> result = grad(output, inputs, {.create_graph = create_graph, .allow_unused = true});
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (!result[k].defined()) result[k] = Variable(zeros_like(inputs[k].value()));
  return result;
}

/// A gradient of a scalar, by the order it is named after in messages.
struct Analytic {
  const char* order;
  std::vector<Variable> gradient;
};

/// Compares gradients of `scalar` at the inputs with differences of its values.
void compare(FunctionOfMany scalar, const std::vector<Tensor>& inputs, const std::vector<Analytic>& all,
             const GradcheckOptions& options, GradcheckReport& report) {
  double worst_excess = 0.0;
  for (std::size_t k = 0; k < inputs.size(); ++k) {
    std::vector<Tensor> moved = inputs;
    moved[k] = inputs[k].clone();
    double* x = moved[k].mutable_data<double>();
    for (Index i = 0; i < inputs[k].numel(); ++i) {
      const double center = x[i], step = options.eps * std::max(1.0, std::abs(center));
      const double above = center + step, below = center - step;
      x[i] = above;
      const double high = scalar(parameters(moved)).item();
      x[i] = below;
      const double low = scalar(parameters(moved)).item();
      x[i] = center;
      const double numeric = (high - low) / (above - below);
      for (const Analytic& analytic : all) {
        const double found = analytic.gradient[k].value().data<double>()[i], error = std::abs(found - numeric);
        const double excess = error / (options.atol + options.rtol * std::abs(numeric));
        ++report.compared;
        report.worst = std::max(report.worst, error / std::max(1.0, std::abs(numeric)));
        if (excess <= 1.0) continue;
        report.ok = false;
        if (excess > worst_excess || std::isnan(excess) || report.message.empty()) {
          worst_excess = excess;
          report.message = detail::text("gradcheck: ", analytic.order, " derivative, input ", k, ", element ",
                                        position(i, inputs[k].shape()), ": analytic ", found, ", numeric ", numeric);
        }
      }
    }
  }
}

}  // namespace

GradcheckReport gradcheck(FunctionOfMany f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  for (const Tensor& input : inputs)
    if (input.dtype() != f64) throw DTypeError(detail::text("gradcheck: needs f64 inputs, got ", input.dtype()));
  const detail::Recording recording;
  if (!(options.eps > 0)) throw std::invalid_argument(detail::text("gradcheck: eps must be > 0, got ", options.eps));

  Generator generator(20240607);
  Tensor weights;
  const auto weighted = [&](const std::vector<Variable>& x) {
    const Variable y = f(x);
    if (!weights.defined()) weights = randn(y.shape(), f64, generator);
    return sum(y * weights);
  };
  GradcheckReport report;
  const auto gradient = [&](FunctionOfMany scalar, bool create_graph) {
    const std::vector<Variable> at = parameters(inputs);
    return gradients(scalar(at), at, create_graph);
  };
  std::vector<Analytic> first = {{"first", gradient(weighted, false)}};
  if (options.second_order) first.push_back({"recorded first", gradient(weighted, true)});  // by pullbacks on Variables
  compare(weighted, inputs, first, options, report);
  if (!options.second_order || !report.ok) return report;

  std::vector<Tensor> directions;
  for (const Tensor& input : inputs) directions.push_back(randn(input.shape(), f64, generator));
  const auto slope = [&](const std::vector<Variable>& x) {
    const std::vector<Variable> g = gradients(weighted(x), x, true);
    Variable total = scalar(0.0, f64);
    for (std::size_t k = 0; k < x.size(); ++k) total = total + sum(g[k] * directions[k]);
    return total;
  };
  compare(slope, inputs, {{"second", gradient(slope, false)}}, options, report);
  return report;
}

}  // namespace ravine
