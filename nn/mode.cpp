#include <ravine/nn/mode.hpp>

namespace ravine::nn {

Mode::Mode(Module& model, Kind kind) {
  add(model);
  if (kind == evaluation || !model.training()) model.train(kind == training);
}

Mode::~Mode() {
  for (const auto& [module, was_training] : before_) module->train(was_training);  // parents first, which set all below
}

void Mode::add(Module& module) {
  before_.emplace_back(&module, module.training());
  for (const auto& [name, child] : module.children()) add(*child);
}

}  // namespace ravine::nn
