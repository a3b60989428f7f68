#include <ravine/optim/elementwise/asgd.hpp>

namespace ravine::optim {

std::vector<Tensor> ASGD::averages() const {
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < parameters().size(); ++i) all.push_back(steps() > 0 ? state(i) : parameters()[i].value());
  return all;
}

}  // namespace ravine::optim
