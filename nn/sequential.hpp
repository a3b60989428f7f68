/// @file
/// Modules in a row.
#pragma once

#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// Modules that pass their results on: `Sequential net{Linear(2, 16), Tanh(), Linear(16, 1)};`. Its children are named
/// "0", "1", … They are handles: the arguments and the children share their state. Empty, it returns what it is given.
class Sequential : public Module {
 public:
  Sequential() = default;
  template <class... M>
  requires(sizeof...(M) > 0 && (std::is_base_of_v<Module, M> && ...)) explicit(sizeof...(M) == 1)
      Sequential(const M&... modules) {
    (push_back(modules), ...);
  }

  template <class M>
  void push_back(const M& module) {
    register_module(next_name(), module);
  }
  Index size() const;
  /// Throws std::out_of_range.
  Module& operator[](Index i) const;

  Variable forward(const Variable& x) override { return forward_temporary(Variable(x)); }

 protected:
  Variable forward_temporary(Variable&& x) override;

 private:
  std::string next_name() const;
};

}  // namespace ravine::nn
