#include <ravine/optim/adaptive.hpp>

namespace ravine::optim {

template class Grouped<AdaGradOptions>;
template class Grouped<RMSPropOptions>;
template class Grouped<AdaDeltaOptions>;
template class Elementwise<AdaGrad, AdaGradOptions>;
template class Elementwise<RMSProp, RMSPropOptions>;
template class Elementwise<AdaDelta, AdaDeltaOptions>;

AdaGrad::Rule::Rule(const AdaGradOptions& o, double now, Index t)
    : lr(now),
      eps(o.form == AdaGradForm::rms ? o.eps * std::sqrt(static_cast<double>(t)) : o.eps),
      decay(o.weight_decay) {}

RMSProp::Rule::Rule(const RMSPropOptions& o, double now, Index t)
    : lr(now),
      keep(o.rho),
      gain(1.0 - o.rho),
      inside(o.eps_inside ? o.eps : 0.0),
      outside(o.eps_inside ? 0.0 : o.eps),
      decay(o.weight_decay) {
  if (t > 1 || o.init != RMSPropInit::first_gradient) return;
  keep = 0.0;
  gain = 1.0;
}

AdaDelta::Rule::Rule(const AdaDeltaOptions& o, double now, Index /*t*/)
    : lr(now), rho(o.rho), eps(o.eps), decay(o.weight_decay) {}

}  // namespace ravine::optim
