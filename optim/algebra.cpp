#include <ravine/optim/algebra.hpp>

#include <cmath>

namespace ravine::detail {

double rms(const Tensor& x) { return norm_of(x) / std::sqrt(static_cast<double>(x.numel())); }

void average(Tensor& mean, Tensor x, double beta) { mean = std::move(mean) * beta + std::move(x) * (1.0 - beta); }

Tensor quotient(const Tensor& a, Tensor b) { return where(eq(a, 0.0), a, a / std::move(b)); }

Tensor adam_direction(const Tensor& m, const Tensor& v, double beta1, double beta2, Index t, double eps) {
  const double of_mean = 1.0 / (1.0 - std::pow(beta1, static_cast<double>(t)));
  const double of_squares = 1.0 / (1.0 - std::pow(beta2, static_cast<double>(t)));
  return quotient(m * of_mean, sqrt(v * of_squares) + eps);
}

void descend(const Variable& p, Tensor step, double decay) {
  Tensor& theta = p.node()->value;
  if (decay != 0.0) step = std::move(step) + theta * decay;
  theta.copy_from(theta - std::move(step));
}

Tensor as_matrix(const Tensor& x) { return x.rank() == 2 ? x : x.reshape({x.size(0), -1}); }

Tensor zeros_if(bool kept, const Variable& p) { return kept ? zeros_like(p.value()) : Tensor(); }

Kept adamw_keeps(const optim::AdamWOptions& o, const Variable& p) {
  return {{"m", zeros_if(o.beta1 > 0.0, p)}, {"v", zeros_if(o.beta2 > 0.0, p)}};
}

void adamw_step(const optim::AdamWOptions& o, double factor, Index t, const Variable& p, std::span<Tensor> kept) {
  const optim::AdamW::Rule rule(o, o.lr * factor, t);
  run_rule(built_in_loops<optim::AdamW>(), &rule, {&p, 1}, kept);
}

}  // namespace ravine::detail
