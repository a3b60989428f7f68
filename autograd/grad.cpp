#include <ravine/autograd/grad.hpp>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/engine.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>

namespace ravine {
namespace {

void check_scalar(const char* op, const Variable& output) {
  if (output.numel() != 1) throw std::logic_error(detail::text(op, ": needs a scalar, got ", output.shape()));
}

/// The rows d(y[i])/dx for all elements i of y, (m, n); zero where y does not depend on x.
Tensor rows(const Variable& y, const Variable& x) {
  const Index m = y.numel(), n = x.numel();
  Tensor result = zeros({m, n}, x.dtype());
  if (!y.requires_grad()) return result;
  for (Index i = 0; i < m; ++i) {
    Tensor seed = zeros({m}, y.dtype());
    seed.set({i}, 1.0);
    const Variable row = detail::sweep(y, seed.reshape(y.shape()), {&x, 1}, false, true)[0];
    if (row.defined()) result[i].copy_from(row.value().reshape({n}));
  }
  return result;
}

}  // namespace

std::vector<Variable> grad(const Variable& output, const std::vector<Variable>& inputs, const GradOptions& options) {
  check_scalar("grad", output);
  if (!output.requires_grad() && !options.allow_unused)
    throw std::logic_error("grad: the output depends on no parameter, or was computed without recording");
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (!inputs[k].defined()) throw std::logic_error(detail::text("grad: input ", k, " is undefined"));
  std::vector<Variable> gradients(inputs.size());
  if (output.requires_grad() && !inputs.empty())
    gradients = detail::sweep(output, ones_like(output.value()), inputs, options.create_graph,
                              options.retain_graph.value_or(options.create_graph));
  for (std::size_t k = 0; k < inputs.size() && !options.allow_unused; ++k)
    if (!gradients[k].defined())
      throw std::logic_error(detail::text("grad: input ", k, " of shape ", inputs[k].shape(),
                                          inputs[k].requires_grad() ? " has no part in the output" : " is a constant",
                                          "; allow_unused permits that"));
  return gradients;
}

Tensor hvp(Function f, const Tensor& x, const Tensor& v) {
  if (v.shape() != x.shape())
    throw ShapeError(detail::text("hvp: a vector of shape ", v.shape(), " for x of ", x.shape()));
  detail::check_dtypes("hvp", v, x);
  const detail::Recording recording;
  const Variable at = parameter(x);
  const Variable g = grad(f(at), {at}, {.create_graph = true})[0];
  if (!g.requires_grad()) return zeros_like(x);  // f is linear
  const Variable product = grad(sum(g * Variable(v)), {at}, {.allow_unused = true})[0];
  return product.defined() ? product.value() : zeros_like(x);
}

Tensor hessian(Function f, const Tensor& x) {
  const detail::Recording recording;
  const Variable at = parameter(x);
  return rows(grad(f(at), {at}, {.create_graph = true})[0], at);
}

Tensor jacobian(Function f, const Tensor& x) {
  const detail::Recording recording;
  const Variable at = parameter(x);
  return rows(f(at), at);
}

}  // namespace ravine
