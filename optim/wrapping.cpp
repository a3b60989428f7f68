#include <ravine/optim/wrapping.hpp>

#include <stdexcept>

#include <ravine/core/text.hpp>

namespace ravine::detail {

static constexpr const char* prefix = "base.";

const std::vector<Variable>& parameters_of_base(const char* wrapper, const std::unique_ptr<optim::Optimizer>& base) {
  if (!base) throw std::invalid_argument(text(wrapper, ": needs a base optimizer, got none"));
  return base->parameters();
}

StateDict with_base(StateDict own, const optim::Optimizer& base) {
  add_part(own, prefix, base.state_dict());
  return own;
}

void load_with_base(const char* wrapper, optim::Optimizer& base, const StateDict& state,
                    FunctionRef<void(const StateDict& own)> load_own) {
  StateDict own = state;
  std::erase_if(own, [](const auto& entry) { return entry.first.starts_with(prefix); });
  const StateDict before = base.state_dict();
  try {
    base.load_state_dict(part(state, prefix));
  } catch (const std::invalid_argument& e) {
    throw std::invalid_argument(text(wrapper, ": the state under \"", prefix, "\": ", e.what()));
  }
  try {
    load_own(own);
  } catch (...) {
    base.load_state_dict(before);
    throw;
  }
}

}  // namespace ravine::detail
