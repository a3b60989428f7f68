// The rules' loops, optimised for one instruction set. A new optimizer is one line here and one in ../elementwise.cpp.
#include <ravine/optim/kernels/rules.hpp>

#include <ravine/optim/adahessian.hpp>
#include <ravine/optim/adam.hpp>
#include <ravine/optim/adaptive.hpp>
#include <ravine/optim/lion.hpp>
#include <ravine/optim/sgd.hpp>

namespace ravine::detail {
namespace {

// Local, unlike run_rule_of: the linker must not take this code for that of another instruction set.
template <class O, class T>
void run(const typename O::Rule& rule, T* theta, const T* g, T* const* slots, Index begin, Index end) {
  run_rule(rule, theta, g, slots, begin, end, std::make_index_sequence<O::slots.size()>());
}

template <class O>
constexpr RuleLoops<O> loops = {run<O, float>, run<O, double>};

}  // namespace

template <Isa isa, class O>
const RuleLoops<O>& rule_loops() {
  return loops<O>;
}
template const RuleLoops<optim::AdaBelief>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::AdaDelta>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::AdaGrad>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::AdaHessian>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::Adam>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::AdamW>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::Lion>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::NAdam>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::RMSProp>& rule_loops<Isa::RAVINE_KERNEL_ISA>();
template const RuleLoops<optim::SGD>& rule_loops<Isa::RAVINE_KERNEL_ISA>();

}  // namespace ravine::detail
