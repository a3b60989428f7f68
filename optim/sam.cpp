#include <ravine/optim/sam.hpp>

#include <cmath>

#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/elementwise.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>

namespace ravine::optim {
namespace {

/// w ← w + e
void move(const Variable& w, const Tensor& e) {
  Tensor& value = w.node()->value;
  value.copy_from(value + e);
}

/// e = ρ g / ‖g‖. False, and nothing moved, where the squares might over- or underflow.
bool move_along_gradient(const std::vector<Variable>& params, double rho) {
  double squares = 0.0;
  for (const Variable& w : params)
    if (w.grad().defined()) squares += dot(w.grad(), w.grad());
  if (!(squares > 1e-60 && squares < 1e60)) return false;
  for (const Variable& w : params)
    if (w.grad().defined()) move(w, w.grad() * (rho / std::sqrt(squares)));
  return true;
}

/// e = ρ sign(g) at the first element of the largest |g|, 0 elsewhere.
void move_largest(const Variable& w, double rho) {
  const Tensor g = w.grad().reshape({-1});
  const Index i = argmax(abs(g), 0).to_vector<Index>()[0];
  Tensor value = w.node()->value.reshape({-1});
  value.set({i}, value.at({i}) + rho * sign(g[i]).item());
}

/// A parameter with a gradient that is not 0.
struct Part {
  const Variable* w;
  double largest;  // |g|
};

std::vector<Part> parts_of(const std::vector<Variable>& params) {
  std::vector<Part> parts;
  for (const Variable& w : params) {
    if (!w.grad().defined() || w.numel() == 0) continue;
    const double largest = max(abs(w.grad())).item();
    if (largest != 0.0) parts.push_back({&w, largest});
  }
  return parts;
}

}  // namespace

SAM::SAM(std::unique_ptr<Optimizer> base, SAMOptions options) : Wrapping(name, std::move(base), options) {
  check_base(this->base());
}

void SAM::check_base(const Optimizer& base) const {
  if (base.needs_closure())
    throw std::invalid_argument(
        detail::text("SAM: the base evaluates the loss itself and cannot be given a gradient: ", base.describe()));
}

void SAM::perturb() const {
  const auto& [rho, p] = groups()[0].options;
  if (p == 2.0 && move_along_gradient(parameters(), rho)) return;
  const std::vector<Part> parts = parts_of(parameters());
  if (parts.empty()) return;
  Part top = parts[0];
  for (const Part& part : parts)
    if (part.largest > top.largest || std::isnan(part.largest)) top = part;
  if (p == 1.0) return move_largest(*top.w, rho);

  // With u = |g| / max |g| nothing over- or underflows: e = ρ sign(g) u^(q-1) / (Σ u^q)^(1/p).
  const double q = std::isinf(p) ? 1.0 : p / (p - 1.0);
  double sum_of_powers = 0.0;
  for (const auto& [w, largest] : parts)
    sum_of_powers += std::pow(largest / top.largest, q) * sum(pow(abs(w->grad()) / largest, q)).item();
  const double length = std::isinf(p) ? rho : rho / std::pow(sum_of_powers, 1.0 / p);
  for (const auto& [w, largest] : parts)
    move(*w, sign(w->grad()) * pow(abs(w->grad()) / largest, q - 1.0) *
                 (length * std::pow(largest / top.largest, q - 1.0)));
}

double SAM::advance(Closure closure) {
  const Generator before = default_generator();
  const double loss = evaluate(closure);
  {
    const detail::Excursion excursion(parameters(), saved_);
    perturb();
    const Reevaluation again(before);
    evaluate(closure);
  }
  update();
  return loss;
}

void SAM::update() {
  base().set_lr_factor(lr_factor());
  base().step();
}

}  // namespace ravine::optim
