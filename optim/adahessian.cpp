#include <ravine/optim/adahessian.hpp>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/grad.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/curvature.hpp>

namespace ravine::optim {

namespace {

/// Every element becomes the mean of its block.
void average_blocks(Tensor& d, Index block) {
  detail::visit_floating("AdaHessian", d.dtype(), [&](auto type) {
    using T = decltype(type);
    T* x = d.mutable_data<T>();
    for (Index begin = 0; begin < d.numel(); begin += block) {
      const Index end = std::min(begin + block, d.numel());
      double sum = 0.0;
      for (Index i = begin; i < end; ++i) sum += x[i];
      for (Index i = begin; i < end; ++i) x[i] = static_cast<T>(sum / static_cast<double>(end - begin));
    }
  });
}

}  // namespace

std::vector<Tensor> hutchinson_diagonal(const std::vector<Variable>& params, const std::vector<Variable>& gradients,
                                        Index samples, Generator& generator) {
  if (samples < 1)
    throw std::invalid_argument(detail::text("hutchinson_diagonal: samples must be >= 1, got ", samples));
  if (gradients.size() != params.size())
    throw std::invalid_argument(
        detail::text("hutchinson_diagonal: ", gradients.size(), " gradients for ", params.size(), " parameters"));
  std::vector<Tensor> diagonal;
  for (const Variable& p : params) diagonal.push_back(zeros_like(p.value()));
  for (Index s = 0; s < samples; ++s) {
    std::vector<Tensor> z;
    Variable product;  // gᵀz, in double: parameters may differ in precision
    for (std::size_t i = 0; i < params.size(); ++i) {
      z.push_back(randint(0, 2, params[i].shape(), generator).to(params[i].dtype()) * 2.0 - 1.0);
      if (!gradients[i].defined() || !gradients[i].requires_grad()) continue;  // the loss is linear in it
      const Variable part = sum(gradients[i] * z[i]).to(f64);
      product = product.defined() ? product + part : part;
    }
    if (!product.defined()) break;  // H = 0
    const std::vector<Variable> Hz = grad(product, params, {.retain_graph = true, .allow_unused = true});
    for (std::size_t i = 0; i < params.size(); ++i)
      if (Hz[i].defined()) diagonal[i] = diagonal[i] + z[i] * Hz[i].value() * (1.0 / static_cast<double>(samples));
  }
  return diagonal;
}

std::vector<Tensor> AdaHessian::diagonals(const std::vector<Variable>& gradients) {
  std::vector<Tensor> all;
  for (const Group& group : groups()) {
    const AdaHessianOptions& o = group.options;
    const detail::PartOf of_group{group.begin, group.end};
    for (Tensor& x : detail::diagonal_of(name, of_group(parameters()), of_group(gradients), o.diagonal, o.samples)) {
      if (o.block > 1) average_blocks(x = x.clone(), o.block);
      all.push_back(std::move(x));
    }
    count_products(o.diagonal ? 1 : o.samples);
  }
  return all;
}

double AdaHessian::advance(Closure closure) {
  const Variable loss = forward(closure);
  const std::vector<Variable> gradients = detail::recorded_gradients(name, loss, parameters());
  const std::vector<Tensor> D = diagonals(gradients);
  detail::set_gradients(parameters(), gradients);
  run_callbacks();
  if (detail::finite_only())
    for (std::size_t i = 0; i < D.size(); ++i)
      if (!all_finite(D[i])) refuse_number("the Hessian's diagonal", i, D[i]);
  for (const Group& group : groups())
    for (std::size_t i = group.begin; i < group.end; ++i) {
      if (!parameters()[i].grad().defined()) continue;
      const double beta2 = group.options.beta2;
      Tensor& v = slot(i, 1);
      v.copy_from(v * beta2 + square(D[i]) * (1.0 - beta2));
    }
  update();
  return loss.item();
}

template class Grouped<AdaHessianOptions>;
template class Elementwise<AdaHessian, AdaHessianOptions>;

}  // namespace ravine::optim

namespace ravine::detail {

static void check_diagonal(const char* op, const std::vector<Tensor>& d, const std::vector<Variable>& params) {
  const auto refuse = [&](const auto&... what) {
    throw std::invalid_argument(text(op, ": diagonal returned ", what...));
  };
  if (d.size() != params.size()) refuse(d.size(), " tensors for ", params.size(), " parameters");
  for (std::size_t i = 0; i < d.size(); ++i)
    if (d[i].shape() != params[i].shape() || d[i].dtype() != params[i].dtype())
      refuse(d[i].shape(), " ", d[i].dtype(), " for a parameter of ", params[i].shape(), " ", params[i].dtype());
}

std::vector<Variable> recorded_gradients(const char* op, const Variable& loss, const std::vector<Variable>& params) {
  if (!loss.requires_grad())
    throw std::logic_error(text(op, ": the loss depends on no parameter, or was computed without recording"));
  if (finite_only()) check_loss(loss.value());
  return grad(loss, params, {.create_graph = true, .allow_unused = true});
}

std::vector<Tensor> diagonal_of(const char* op, const std::vector<Variable>& params,
                                const std::vector<Variable>& gradients, const optim::HessianDiagonal& diagonal,
                                Index samples) {
  std::vector<Tensor> d =
      diagonal ? diagonal(params, gradients) : optim::hutchinson_diagonal(params, gradients, samples);
  check_diagonal(op, d, params);
  return d;
}

void set_gradients(const std::vector<Variable>& params, const std::vector<Variable>& gradients) {
  for (std::size_t i = 0; i < gradients.size(); ++i)
    if (gradients[i].defined()) params[i].set_grad(gradients[i].value().clone());
}

}  // namespace ravine::detail
