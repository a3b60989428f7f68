#include <ravine/optim/others.hpp>

#include <ravine/optim/kernels/rules.hpp>

namespace ravine::detail {

[[gnu::used]] static constexpr auto all = built_in(Others());

}  // namespace ravine::detail
