#include <ravine/autograd/anomaly.hpp>

#include <cmath>
#include <mutex>
#include <set>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>

namespace ravine::detail {

std::string& module_path() {
  static thread_local std::string path;
  return path;
}

ModuleScope::ModuleScope(const std::string& name) : outer_(module_path().size()) {
  if (!module_path().empty()) module_path() += '.';
  module_path() += name;
}

ModuleScope::~ModuleScope() { module_path().resize(outer_); }

const char* with_module_path(const char* op) {
  if (module_path().empty()) return op;
  static std::mutex mutex;
  static std::set<std::string> names;  // few, and a node may outlive whoever recorded it
  const std::lock_guard lock(mutex);
  return names.insert(text(op, " in ", module_path())).first->c_str();
}

std::string bad_number(const Tensor& x) {
  if (!all_finite(x))
    for (const double element : x.to_vector<double>())
      if (!std::isfinite(element)) return std::isnan(element) ? "nan" : "infinity";
  return "";
}

void check_loss(const Tensor& loss) {
  if (loss.numel() != 1) return;  // which is told by who differentiates it
  const double value = loss.item();
  if (std::isfinite(value)) return;
  throw AnomalyError(text("the loss is ", std::isnan(value) ? std::abs(value) : value));
}

void check_result(const char* op, const Tensor& value) {
  if (all_finite(value)) return;
  visit_floating(op, value.dtype(), [&](auto type) {
    const auto* x = value.raw<decltype(type)>();
    Index i = 0;
    while (std::isfinite(x[i])) ++i;
    Shape position = value.shape();
    Index rest = i;
    for (int d = value.rank() - 1; d >= 0; --d) {
      position[d] = rest % value.shape()[d];
      rest /= value.shape()[d];
    }
    std::string where = with_module_path(op);
    if (thread_state.pullback_of) where += text(", in the gradient of ", thread_state.pullback_of);
    throw AnomalyError(text(where, ": first ", std::isnan(x[i]) ? "nan" : "infinity", " at ", position,
                            " of its result of shape ", value.shape()));
  });
}

}  // namespace ravine::detail
