#include <ravine/optim/adam.hpp>

namespace ravine::optim {

template class Grouped<AdamOptions>;
template class Elementwise<Adam, AdamOptions>;

Adam::Rule::Rule(const AdamOptions& o, double lr, Index t)
    : beta1(o.beta1),
      beta2(o.beta2),
      decay(o.weight_decay),
      rate(lr),
      scale(1.0),
      inside(o.eps_inside ? o.eps : 0.0),
      outside(o.eps_inside ? 0.0 : o.eps) {
  if (!o.bias_correction) return;
  rate /= 1.0 - std::pow(beta1, static_cast<double>(t));
  scale /= 1.0 - std::pow(beta2, static_cast<double>(t));
}

}  // namespace ravine::optim
