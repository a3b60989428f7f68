#include <ravine/optim/lion.hpp>

namespace ravine::optim {

template class Grouped<LionOptions>;
template class Elementwise<Lion, LionOptions>;

}  // namespace ravine::optim
