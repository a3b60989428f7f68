#include <ravine/optim/algebra.hpp>

#include <cmath>

namespace ravine::detail {

double rms(const Tensor& x) { return norm_of(x) / std::sqrt(static_cast<double>(x.numel())); }

void average(Tensor& mean, Tensor x, double beta) { mean = std::move(mean) * beta + std::move(x) * (1.0 - beta); }

Tensor quotient(const Tensor& a, Tensor b) { return where(eq(a, 0.0), a, a / std::move(b)); }

Tensor adam_direction(const Tensor& g, std::span<Tensor> kept, double beta1, double beta2, Index t, double eps) {
  const optim::AdamWOptions o{.beta1 = beta1, .beta2 = beta2, .eps = eps, .weight_decay = 0.0};
  Tensor u = zeros_like(g);  // from here AdamW goes a step of size 1, uphill
  apply<optim::AdamW>({o, -1.0, t}, u, g, kept.first(2));
  return u;
}

void descend(const Variable& p, Tensor step, double scale, double decay) {
  if (decay != 0.0) {
    step = std::move(step) * scale + p.value() * decay;
    scale = 1.0;
  }
  Tensor no_momentum;
  apply<optim::SGD>({{}, scale, 1}, p.value(), std::move(step), {&no_momentum, 1});
}

Tensor as_matrix(const Tensor& x) { return x.rank() == 2 ? x : x.reshape({x.size(0), -1}); }

Tensor zeros_if(bool kept, const Variable& p) { return kept ? zeros_like(p.value()) : Tensor(); }

Kept adamw_keeps(const optim::AdamWOptions& o, const Variable& p) {
  return {{"m", zeros_if(o.beta1 > 0.0, p)}, {"v", zeros_if(o.beta2 > 0.0, p)}};
}

void adamw_step(const optim::AdamWOptions& o, double factor, Index t, const Variable& p, std::span<Tensor> kept) {
  apply<optim::AdamW>({o, o.lr * factor, t}, p.value(), p.grad(), kept);
}

}  // namespace ravine::detail
