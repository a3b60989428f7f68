#include <ravine/optim/parameterwise/cautious.hpp>

#include <ravine/optim/algebra.hpp>

namespace ravine::optim {
namespace {

/// c, by which those that move go further.
double stretch(const Variable& p, const detail::Sums& sums) { return static_cast<double>(p.numel()) / (sums[0] + 1.0); }

}  // namespace

detail::Kept CautiousAdamW::keeps(const CautiousAdamWOptions& /*o*/, const Variable& p) {
  return {{"m", zeros_like(p.value())}, {"v", zeros_like(p.value())}};
}

void CautiousAdamW::change(const CautiousAdamWOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const double c = stretch(p, detail::run(Sums{{o, 1.0, now.t}}, p, kept));
  detail::run(Step{{o, now.lr * c, now.t}, now.lr * o.weight_decay}, p, kept);
}

detail::Kept CautiousLion::keeps(const CautiousLionOptions& /*o*/, const Variable& p) {
  return {{"momentum", zeros_like(p.value())}};
}

void CautiousLion::change(const CautiousLionOptions& o, Now now, const Variable& p, std::span<Tensor> kept) {
  const double c = stretch(p, detail::run(Sums{o.beta1}, p, kept));
  detail::run(Step{{o.beta1}, o.beta2, now.lr * c, now.lr * o.weight_decay}, p, kept);
}

}  // namespace ravine::optim
