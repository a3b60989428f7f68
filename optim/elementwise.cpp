#include <ravine/optim/elementwise.hpp>

#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/kernels/rules.hpp>
#include <ravine/optim/sgd.hpp>

namespace ravine::detail {
namespace {

template <class O>
const RuleLoops<O>& active_loops() {
  static const RuleLoops<O> loops = with_active_isa([]<Isa isa>() { return rule_loops<isa, O>(); });
  return loops;
}

}  // namespace

void refuse_slot(const char* optimizer, const char* slot) {
  throw std::invalid_argument(text(optimizer, ": the loaded options do not go with the state: '", slot,
                                   "' is kept with one of them and not with the other"));
}

}  // namespace ravine::detail

namespace ravine::optim {

const detail::RuleLoops<Adam>& Adam::compiled_loops() { return detail::active_loops<Adam>(); }
const detail::RuleLoops<SGD>& SGD::compiled_loops() { return detail::active_loops<SGD>(); }

}  // namespace ravine::optim
