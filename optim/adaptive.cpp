#include <ravine/optim/adaptive.hpp>

namespace ravine::optim {

template class Grouped<AdaGradOptions>;
template class Elementwise<AdaGrad, AdaGradOptions>;
template class Grouped<RMSPropOptions>;
template class Elementwise<RMSProp, RMSPropOptions>;
template class Grouped<AdaDeltaOptions>;
template class Elementwise<AdaDelta, AdaDeltaOptions>;

}  // namespace ravine::optim
