#include <ravine/optim/optimizer.hpp>

#include <map>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/optim/options.hpp>

namespace ravine::optim {
namespace {

detail::OptionField lr_factor_field(double value) { return {"lr_factor", value, &non_negative, {}, false}; }

}  // namespace

Optimizer::Optimizer(const char* name, std::vector<Variable> parameters)
    : name_(name), parameters_(std::move(parameters)) {
  const auto refuse = [&](const auto&... what) { throw std::invalid_argument(detail::text(name, ": ", what...)); };
  if (parameters_.empty()) refuse("no parameters to update");
  std::map<const void*, std::size_t> seen;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable& p = parameters_[i];
    if (!p.defined()) refuse("parameter ", i, " is undefined");
    if (!p.requires_grad()) refuse("parameter ", i, " asks for no gradient: make it with ravine::parameter");
    if (!p.is_leaf()) refuse("parameter ", i, " is the result of ", p.node()->op, ", which never gets a gradient");
    const auto [first, is_new] = seen.emplace(p.node(), i);
    if (!is_new) refuse("parameter ", i, " is parameter ", first->second, " again");
    made_.push_back({p.shape(), p.dtype()});
  }
}

Optimizer::~Optimizer() = default;

void Optimizer::step() {
  if (needs_closure())
    throw std::logic_error(
        detail::text(name_, ": step() needs a closure that returns the loss, as in step([&] { return loss(); })"));
  const detail::FlushSubnormals flush;
  run_callbacks();
  check_unchanged();
  update();
  ++steps_;
}

double Optimizer::step(Closure closure) {
  const detail::FlushSubnormals flush;
  const double loss = advance(closure);
  ++steps_;
  return loss;
}

double Optimizer::advance(Closure closure) {
  const double loss = evaluate(closure);
  check_unchanged();
  update();
  return loss;
}

double Optimizer::evaluate(Closure closure) {
  zero_grad();
  const Variable loss = closure();
  loss.backward();
  run_callbacks();
  return loss.item();
}

void Optimizer::zero_grad() {
  for (const Variable& p : parameters_) p.zero_grad();
}

void Optimizer::run_callbacks() const {
  for (const GradientCallback& f : callbacks_) f(parameters_);
}

void Optimizer::check_unchanged() const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable& p = parameters_[i];
    if (p.shape() != made_[i].shape || p.dtype() != made_[i].dtype) [[unlikely]]
      throw std::logic_error(detail::text(name_, ": parameter ", i, " was ", made_[i].shape, " ", made_[i].dtype,
                                          " when the optimizer was made and is ", p.shape(), " ", p.dtype(), " now"));
  }
}

void Optimizer::set_lr_factor(double factor) {
  detail::check_option(name_, lr_factor_field(factor));
  lr_factor_ = factor;
}

StateDict Optimizer::handles() const {
  StateDict state;
  add_state(state);
  add_options(state);
  state["steps"] = scalar(static_cast<double>(steps_), i64);
  state["lr_factor"] = scalar(lr_factor_, f64);
  return state;
}

StateDict Optimizer::state_dict() const {
  StateDict state = handles();
  for (auto& [key, tensor] : state) tensor = tensor.clone();
  return state;
}

void Optimizer::load_state_dict(const StateDict& state) {
  detail::check_state_dict(name_, handles(), state);
  const double steps = state.at("steps").item(), lr_factor = state.at("lr_factor").item();
  detail::check_option(name_, {"steps", steps, &non_negative, {}, true});
  detail::check_option(name_, lr_factor_field(lr_factor));
  load_options(state);  // checks all before it changes any; nothing below can fail
  steps_ = static_cast<Index>(steps);
  lr_factor_ = lr_factor;
  StateDict own;
  add_state(own);
  for (auto& [key, tensor] : own) tensor.copy_from(state.at(key));
}

}  // namespace ravine::optim

namespace ravine::detail {

Excursion::Excursion(const std::vector<Variable>& parameters, std::vector<Tensor>& copies)
    : parameters_(parameters), copies_(copies) {
  copies.resize(parameters.size());
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const Tensor& value = parameters[i].node()->value;
    if (copies[i].defined())
      copies[i].copy_from(value);
    else
      copies[i] = value.clone();
  }
}

Excursion::~Excursion() {
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    Tensor& value = parameters_[i].node()->value;
    if (value.shape() == copies_[i].shape() && value.dtype() == copies_[i].dtype()) value.copy_from(copies_[i]);
  }
}

}  // namespace ravine::detail
