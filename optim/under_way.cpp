#include <ravine/optim/under_way.hpp>

#include <algorithm>

namespace ravine::detail {

static thread_local StepUnderWay* innermost = nullptr;

StepUnderWay::StepUnderWay(const std::vector<Variable>& parameters) : parameters_(parameters), outer_(innermost) {
  innermost = this;
}

StepUnderWay::~StepUnderWay() { innermost = outer_; }

bool StepUnderWay::of(const std::vector<Variable>& parameters) {
  for (const StepUnderWay* step = innermost; step; step = step->outer_)
    for (const Variable& p : parameters) {
      const auto is_p = [&](const Variable& q) { return q.node() == p.node(); };
      if (std::any_of(step->parameters_.begin(), step->parameters_.end(), is_p)) return true;
    }
  return false;
}

}  // namespace ravine::detail
