// The loops of rules for one element, optimised for one instruction set.
#include <ravine/optim/kernels/compiled.hpp>

namespace ravine::detail {

[[gnu::used]] static constexpr auto all = compiled(Rules());

}  // namespace ravine::detail
