#include <ravine/optim/rules.hpp>

#include <ravine/optim/kernels/rules.hpp>

namespace ravine::detail {

[[gnu::used]] static constexpr auto all = built_in(Rules());

}  // namespace ravine::detail

namespace ravine::optim {

template class Grouped<AdaBeliefOptions>;
template class Elementwise<AdaBelief, AdaBeliefOptions>;
template class Grouped<AdaDeltaOptions>;
template class Elementwise<AdaDelta, AdaDeltaOptions>;
template class Grouped<AdaGradOptions>;
template class Elementwise<AdaGrad, AdaGradOptions>;
template class Grouped<AdaHessianOptions>;
template class Elementwise<AdaHessian, AdaHessianOptions>;
template class Grouped<AdamOptions>;
template class Elementwise<Adam, AdamOptions>;
template class Grouped<AdamWOptions>;
template class Elementwise<AdamW, AdamWOptions>;
template class Grouped<LionOptions>;
template class Elementwise<Lion, LionOptions>;
template class Grouped<NAdamOptions>;
template class Elementwise<NAdam, NAdamOptions>;
template class Grouped<RMSPropOptions>;
template class Elementwise<RMSProp, RMSPropOptions>;
template class Grouped<SGDOptions>;
template class Elementwise<SGD, SGDOptions>;

}  // namespace ravine::optim
