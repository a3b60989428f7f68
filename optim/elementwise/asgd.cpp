#include <ravine/optim/elementwise/asgd.hpp>

namespace ravine::optim {

std::vector<Tensor> ASGD::averages() const {
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < parameters().size(); ++i) all.push_back(state(i));
  return all;
}

}  // namespace ravine::optim
