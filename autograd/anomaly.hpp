/// @file
/// Finding the op that made the first NaN or infinity.
#pragma once

#include <string>

#include <ravine/autograd/node.hpp>

namespace ravine {

/// While it lives, every op recorded on this thread, and every gradient, is searched for NaN and infinity; the first
/// one found is an AnomalyError that says the op, the module it was in, the shape and the position. Slow; off, it costs
/// nothing.
class DetectAnomaly {
 public:
  DetectAnomaly() : saved_(std::exchange(detail::thread_state.anomaly, true)) {}
  ~DetectAnomaly() { detail::thread_state.anomaly = saved_; }
  DetectAnomaly(const DetectAnomaly&) = delete;
  DetectAnomaly& operator=(const DetectAnomaly&) = delete;

 private:
  bool saved_;
};

namespace detail {

/// While it lives, this thread trains on with finite numbers only: `backward()` refuses another loss, and an optimizer
/// another gradient before it uses it, with an AnomalyError. But not while the loss is evaluated again: a line search
/// may look beyond.
class FiniteOnly {
 public:
  FiniteOnly() : saved_(std::exchange(thread_state.finite_only, true)) {}
  ~FiniteOnly() { thread_state.finite_only = saved_; }
  FiniteOnly(const FiniteOnly&) = delete;
  FiniteOnly& operator=(const FiniteOnly&) = delete;

 private:
  bool saved_;
};
inline bool finite_only() { return thread_state.finite_only && !thread_state.reevaluating; }

/// "nan", or "infinity" if that comes first; nothing if all elements are finite.
std::string bad_number(const Tensor& x);
/// Throws AnomalyError: "the loss is nan".
void check_loss(const Tensor& loss);

/// Where in its model this thread is, as ModuleScopes say.
std::string& module_path();

/// While it lives, ops belong to the part `name` of the module around them. Made under DetectAnomaly only.
class ModuleScope {
 public:
  explicit ModuleScope(const std::string& name);
  ~ModuleScope();
  ModuleScope(const ModuleScope&) = delete;
  ModuleScope& operator=(const ModuleScope&) = delete;

 private:
  std::size_t outer_;
};

/// "sqrt in net.2" within a module scope, kept for good; just op outside.
const char* with_module_path(const char* op);

}  // namespace detail
}  // namespace ravine
