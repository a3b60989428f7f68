#include <ravine/optim/clip.hpp>

#include <stdexcept>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>

namespace ravine::optim {
namespace {

void check_limit(const char* op, double limit) {
  if (!(limit > 0.0)) throw std::invalid_argument(detail::text(op, ": limit must be > 0, got ", limit));
}

std::vector<Tensor> gradients(const std::vector<Variable>& params) {
  std::vector<Tensor> all;
  for (const Variable& p : params)
    if (p.grad().defined()) all.push_back(p.grad());
  return all;
}

/// Replaces each gradient g by f(g). g is given away, so that an op works in its memory if nobody else holds it.
template <class F>
void change_gradients(const std::vector<Variable>& params, F f) {
  for (const Variable& p : params) {
    Tensor& g = p.node()->gradient;
    if (g.defined()) g = f(std::move(g));
  }
}

}  // namespace

void clip_grad_value(const std::vector<Variable>& params, double limit) {
  check_limit("clip_grad_value", limit);
  change_gradients(params, [=](Tensor&& g) { return clamp(std::move(g), -limit, limit); });
}

double clip_grad_norm(const std::vector<Variable>& params, double limit) {
  check_limit("clip_grad_norm", limit);
  const double norm = total_norm(gradients(params));
  if (!(norm <= limit)) change_gradients(params, [=](Tensor&& g) { return std::move(g) * (limit / norm); });
  return norm;
}

}  // namespace ravine::optim
