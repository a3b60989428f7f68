/// @file
/// Copies of variables that are variables of their own; for the library's sources.
#pragma once

#include <map>

#include <ravine/autograd/variable.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// While it lives, on this thread, a copy of a Variable that was added is its twin: a leaf with the same value, which
/// asks for a gradient if the original does and has none. All copies of one are one twin.
class Twins {
 public:
  Twins();
  ~Twins();
  Twins(const Twins&) = delete;
  Twins& operator=(const Twins&) = delete;

  void add(const Variable& original);

 private:
  friend Node* node_for_copy(Node* node);
  [[gnu::tls_model("initial-exec")]] static constinit thread_local Twins* current_;

  Twins* outer_;
  std::map<const Node*, Variable> twins_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
