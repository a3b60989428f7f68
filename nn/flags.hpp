/// @file
/// Training and evaluation of a model's parts, kept; for the library's sources, not its public headers.
#pragma once

#include <utility>
#include <vector>

#include <ravine/nn/module.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Has every part of a model, in the end, in training or evaluation as it was.
class TrainingFlags {
 public:
  explicit TrainingFlags(nn::Module& model) { add(model); }
  ~TrainingFlags() {
    for (const auto& [module, training] : flags_) module->train(training);  // parents first, which set all below
  }
  TrainingFlags(const TrainingFlags&) = delete;
  TrainingFlags& operator=(const TrainingFlags&) = delete;

 private:
  void add(nn::Module& module) {
    flags_.emplace_back(&module, module.training());
    for (const auto& [name, child] : module.children()) add(*child);
  }

  std::vector<std::pair<nn::Module*, bool>> flags_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
