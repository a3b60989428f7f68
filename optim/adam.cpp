#include <ravine/optim/adam.hpp>

namespace ravine::detail {

AdamStep::AdamStep(double lr, double beta1, double beta2, Index t, double eps, bool eps_inside, bool bias_correction)
    : rate(lr), inside(eps_inside ? eps : 0.0), outside(eps_inside ? 0.0 : eps) {
  if (!bias_correction) return;
  rate /= 1.0 - std::pow(beta1, static_cast<double>(t));
  scale /= 1.0 - std::pow(beta2, static_cast<double>(t));
}

}  // namespace ravine::detail

namespace ravine::optim {

template class Grouped<AdamOptions>;
template class Grouped<AdamWOptions>;
template class Grouped<AdaBeliefOptions>;
template class Grouped<NAdamOptions>;
template class Elementwise<Adam, AdamOptions>;
template class Elementwise<AdamW, AdamWOptions>;
template class Elementwise<AdaBelief, AdaBeliefOptions>;
template class Elementwise<NAdam, NAdamOptions>;

namespace {

double decay_factor(double weight_decay, Decay decay, double lr) {
  return decay == Decay::plain ? weight_decay : lr * weight_decay;
}

/// μ_1 … μ_t / β1^t, the product of 1 - ½ q^i for q = 0.96^ψ. Its logarithm, expanded in powers of ½ and summed over i
/// first, has terms that more than halve: as exact as a product of t factors, and no slower in the millionth step.
double warm_up_product(double momentum_decay, double t) {
  const double log_q = momentum_decay * std::log(0.96);
  double log_product = 0.0, half = 1.0;
  for (int k = 1; k <= 55; ++k) {
    half *= 0.5;
    const double x = k * log_q;
    const double powers = x == 0.0 ? t : std::exp(x) * std::expm1(x * t) / std::expm1(x);  // q^k + q^2k + … + q^tk
    const double term = half / k * powers;
    log_product -= term;
    if (term < 1e-18 * t || log_product < -800.0) break;
  }
  return std::exp(log_product);
}

}  // namespace

Adam::Rule::Rule(const AdamOptions& o, double lr, Index t)
    : beta1(o.beta1),
      beta2(o.beta2),
      decay(o.weight_decay),
      step(lr, o.beta1, o.beta2, t, o.eps, o.eps_inside, o.bias_correction) {}

AdamW::Rule::Rule(const AdamWOptions& o, double lr, Index t)
    : beta1(o.beta1),
      beta2(o.beta2),
      decay(decay_factor(o.weight_decay, o.decay, lr)),
      step(lr, o.beta1, o.beta2, t, o.eps, o.eps_inside, o.bias_correction) {}

AdaBelief::Rule::Rule(const AdaBeliefOptions& o, double lr, Index t)
    : beta1(o.beta1),
      beta2(o.beta2),
      decay(decay_factor(o.weight_decay, o.decay, lr)),
      floor(o.eps_in_variance ? o.eps : 0.0),
      step(lr, o.beta1, o.beta2, t, o.eps, o.eps_inside, o.bias_correction) {}

NAdam::Rule::Rule(const NAdamOptions& o, double lr, Index t)
    : beta1(o.beta1), beta2(o.beta2), decay(o.weight_decay), step(lr, 0.0, o.beta2, t, o.eps, false, true) {
  const auto now = static_cast<double>(t), next = now + 1.0;
  const auto momentum = [&](double i) { return o.beta1 * (1.0 - 0.5 * std::pow(0.96, i * o.momentum_decay)); };
  const double product = std::pow(o.beta1, now) * warm_up_product(o.momentum_decay, now);
  of_mean = momentum(next) / (1.0 - product * momentum(next));
  of_gradient = (1.0 - momentum(now)) / (1.0 - product);
}

}  // namespace ravine::optim
