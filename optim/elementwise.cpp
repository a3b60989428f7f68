#include <ravine/optim/elementwise.hpp>

#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/adahessian.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/adaptive.hpp>
#include <ravine/optim/kernels/rules.hpp>
#include <ravine/optim/lion.hpp>
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

const detail::RuleLoops<AdaBelief>& AdaBelief::compiled_loops() { return detail::active_loops<AdaBelief>(); }
const detail::RuleLoops<AdaDelta>& AdaDelta::compiled_loops() { return detail::active_loops<AdaDelta>(); }
const detail::RuleLoops<AdaGrad>& AdaGrad::compiled_loops() { return detail::active_loops<AdaGrad>(); }
const detail::RuleLoops<AdaHessian>& AdaHessian::compiled_loops() { return detail::active_loops<AdaHessian>(); }
const detail::RuleLoops<Adam>& Adam::compiled_loops() { return detail::active_loops<Adam>(); }
const detail::RuleLoops<AdamW>& AdamW::compiled_loops() { return detail::active_loops<AdamW>(); }
const detail::RuleLoops<Lion>& Lion::compiled_loops() { return detail::active_loops<Lion>(); }
const detail::RuleLoops<NAdam>& NAdam::compiled_loops() { return detail::active_loops<NAdam>(); }
const detail::RuleLoops<RMSProp>& RMSProp::compiled_loops() { return detail::active_loops<RMSProp>(); }
const detail::RuleLoops<SGD>& SGD::compiled_loops() { return detail::active_loops<SGD>(); }

}  // namespace ravine::optim
