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
