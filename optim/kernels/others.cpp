// The loops of other optimizers, optimised for one instruction set.
#include <ravine/optim/kernels/compiled.hpp>
#include <ravine/optim/others.hpp>

namespace ravine::detail {

[[gnu::used]] static constexpr auto all = compiled(Others());

}  // namespace ravine::detail
