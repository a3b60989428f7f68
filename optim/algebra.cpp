#include <ravine/optim/algebra.hpp>

namespace ravine::detail {

void average(Tensor& mean, Tensor x, double beta) { mean = std::move(mean) * beta + std::move(x) * (1.0 - beta); }

void descend(const Variable& p, Tensor step, double scale, double decay) {
  if (decay != 0.0) {
    step = std::move(step) * scale + p.value() * decay;
    scale = 1.0;
  }
  Variable same(p.value());
  same.set_grad(std::move(step));
  run(optim::SGD::Rule({}, scale, 1), same, {});
}

Tensor as_matrix(const Tensor& x) { return x.rank() == 2 ? x : x.reshape({x.size(0), -1}); }

Tensor zeros_if(bool kept, const Variable& p) { return kept ? zeros_like(p.value()) : Tensor(); }

Kept adamw_keeps(const optim::AdamWOptions& o, const Variable& p) {
  return {{"m", zeros_if(o.beta1 > 0.0, p)}, {"v", zeros_if(o.beta2 > 0.0, p)}};
}

void adamw_step(const optim::AdamWOptions& o, double factor, Index t, const Variable& p, std::span<Tensor> kept) {
  run(optim::AdamW::Rule(o, o.lr * factor, t), p, kept);
}

}  // namespace ravine::detail
