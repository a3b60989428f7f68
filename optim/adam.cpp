#include <ravine/optim/adam.hpp>

namespace ravine::optim {

template class Grouped<AdamOptions>;
template class Elementwise<Adam, AdamOptions>;
template class Grouped<AdamWOptions>;
template class Elementwise<AdamW, AdamWOptions>;
template class Grouped<AdaBeliefOptions>;
template class Elementwise<AdaBelief, AdaBeliefOptions>;
template class Grouped<NAdamOptions>;
template class Elementwise<NAdam, NAdamOptions>;

}  // namespace ravine::optim
