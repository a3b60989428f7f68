#include <ravine/optim/lion.hpp>

namespace ravine::optim {

template class Grouped<LionOptions>;
template class Elementwise<Lion, LionOptions>;

Lion::Rule::Rule(const LionOptions& o, double now, Index /*t*/)
    : lr(now), beta1(o.beta1), beta2(o.beta2), decay(now * o.weight_decay) {}

}  // namespace ravine::optim
