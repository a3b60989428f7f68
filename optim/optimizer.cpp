#include <ravine/optim/optimizer.hpp>

#include <cmath>
#include <limits>
#include <map>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/kernels/dispatch.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/optim/kernels/finite.hpp>
#include <ravine/optim/under_way.hpp>

namespace ravine::optim {
namespace {

void check_number(const char* optimizer, const char* what, double value) {
  detail::visit_option(optimizer, {what, {value}, &non_negative, {}, false},
                       [](const auto& field) { return field.value; });
}

std::string option_key(std::size_t group, const detail::OptionField& field) {
  return detail::text("group.", group, ".", field.name);
}

/// An option as it stands in a state: a list as a vector, what is absent as NaN.
Tensor option_state(const detail::OptionField& field) {
  if (field.kind == detail::OptionField::list) return tensor(field.value, f64);
  return scalar(field.value.empty() ? std::numeric_limits<double>::quiet_NaN() : field.value[0], f64);
}

detail::OptionValue option_of(const detail::OptionField& field, const Tensor& saved) {
  detail::OptionValue value = saved.to_vector<double>();
  if (field.kind == detail::OptionField::optional && std::isnan(value[0])) value.clear();
  return value;
}

}  // namespace

Optimizer::Optimizer(const char* name, std::vector<Variable> parameters)
    : name_(name), parameters_(std::move(parameters)) {
  const auto refuse = [&](const auto&... what) { throw std::invalid_argument(detail::text(name, ": ", what...)); };
  if (parameters_.empty()) refuse("no parameters to update");
  std::map<const void*, std::size_t> seen;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable& p = parameters_[i];
    if (!p.defined()) refuse("parameter ", i, " is undefined");
    if (!p.is_leaf()) refuse("parameter ", i, " is the result of ", p.node()->op, ", which never gets a gradient");
    if (!is_floating(p.dtype())) refuse("parameter ", i, " is ", p.dtype(), ", not floating");
    if (!p.node()->is_parameter) refuse("parameter ", i, " asks for no gradient: make it with ravine::parameter");
    const auto [first, is_new] = seen.emplace(p.node(), i);
    if (!is_new) refuse("parameter ", i, " is parameter ", first->second, " again");
    specs_.push_back({p.numel(), p.shape(), p.dtype()});
  }
}

Optimizer::~Optimizer() = default;

void Optimizer::refuse_empty_group(std::size_t group) const {
  throw std::invalid_argument(detail::text(name_, ": group ", group, " has no parameters"));
}

void Optimizer::step() {
  const detail::StepUnderWay under_way(parameters_);
  if (needs_closure())
    throw std::logic_error(
        detail::text(name_, ": step() needs a closure that returns the loss, as in step([&] { return loss(); })"));
  const detail::FlushSubnormals flush;
  begin();
  run_callbacks();
  update();
  ++steps_;
}

double Optimizer::step(Closure closure) {
  const detail::StepUnderWay under_way(parameters_);
  const detail::FlushSubnormals flush;
  begin();
  const double loss = advance(closure);
  ++steps_;
  return loss;
}

void Optimizer::begin() {
  if (steps_ > 0) return;
  check_unchanged();
  for (const auto& [k, i] : copies_) state_[k].copy_from(parameters_[i].value());
}

double Optimizer::advance(Closure closure) {
  const double loss = evaluate(closure);
  update();
  return loss;
}

Variable Optimizer::forward(Closure closure) {
  zero_grad();
  ++evaluations_;
  Variable loss = closure();
  if (!loss.defined()) throw std::logic_error(detail::text(name_, ": the closure returned no loss"));
  return loss;
}

double Optimizer::evaluate(Closure closure) {
  const Variable loss = forward(closure);
  loss.backward();
  run_callbacks();
  return loss.item();
}

void Optimizer::zero_grad() {
  for (const Variable& p : parameters_) p.zero_grad();
}

void Optimizer::on_gradients(GradientCallback f) { callbacks_.push_back(std::move(f)); }

void Optimizer::run_callbacks() const {
  const bool blame = detail::thread_state.anomaly && gradients_usable(true);
  for (const GradientCallback& f : callbacks_) f(parameters_);
  if (gradients_usable(blame || detail::finite_only())) return;
  std::size_t i = 0;
  while (!parameters_[i].grad().defined() || all_finite(parameters_[i].grad())) ++i;
  refuse_number(blame ? "after the callbacks on gradients that" : "the gradient", i, parameters_[i].grad());
}

/// Numbers are looked at together, as most gradients are small; those of large ones by themselves, on several threads.
bool Optimizer::gradients_usable(bool look_for_nan) const {
  static const detail::FiniteLoop finite =
      detail::with_active_isa([]<Isa isa>() { return detail::finite_loop<isa>(); });
  constexpr int most = 32;
  const float* x[most];
  Index n[most];
  int count = 0;
  const Spec* spec = specs_.data();
  for (const Variable& p : parameters_) {
    const Spec& unchanged = *spec++;
    if (!unchanged.is_of(p)) [[unlikely]]
      check_unchanged();  // which throws
    if (!p.requires_grad()) [[unlikely]]
      p.zero_grad();  // whatever it was given, it is frozen
    const Tensor& g = p.grad();
    if (!look_for_nan || !g.defined()) continue;
    if (unchanged.dtype != f32 || unchanged.numel > detail::parallel_grain) [[unlikely]] {
      if (!all_finite(g)) return false;
      continue;
    }
    x[count] = g.raw<float>();
    n[count] = unchanged.numel;
    if (++count < most) continue;
    if (!finite(x, n, count)) return false;
    count = 0;
  }
  return count == 0 || finite(x, n, count);
}

void Optimizer::check_unchanged() const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable& p = parameters_[i];
    if (!specs_[i].is_of(p)) [[unlikely]]
      throw std::logic_error(detail::text(name_, ": parameter ", i, " was ", specs_[i].shape, " ", specs_[i].dtype,
                                          " when the optimizer was made and is ", p.shape(), " ", p.dtype(), " now"));
  }
}

void Optimizer::refuse_number(const char* what, std::size_t parameter, const Tensor& x) const {
  throw AnomalyError(detail::text(name_, ": ", what, " of parameter ", parameter, ", of shape ", x.shape(), ", holds ",
                                  detail::bad_number(x)));
}

void Optimizer::set_lr_factor(double factor) {
  check_number(name_, "lr_factor", factor);
  lr_factor_ = factor;
}

void Optimizer::add_state(std::size_t parameter, const char* slot, Tensor value) {
  add_state(detail::text(parameter, ".", slot), std::move(value));
}

void Optimizer::add_state(std::string name, Tensor value) {
  state_keys_.push_back(std::move(name));
  state_.push_back(std::move(value));
}

void Optimizer::add_copy(std::size_t parameter, const char* slot) {
  copies_.emplace_back(state_.size(), parameter);
  add_state(parameter, slot, parameters_[parameter].value().clone());
}

void Optimizer::read_options(std::size_t group, FunctionRef<void(const detail::OptionField&)> read) const {
  visit_options(group, [&](const detail::OptionField& field) {
    read(field);
    return field.value;
  });
}

std::string Optimizer::describe() const {
  std::string all;
  for (std::size_t g = 0; g < group_count(); ++g) {
    std::string group;
    read_options(g, [&](const detail::OptionField& field) {
      group += (group.empty() ? "" : ", ") + detail::describe_option(field);
    });
    all += detail::text(g == 0 ? name_ : ", ", "(", group, ")");
  }
  return all;
}

StateDict Optimizer::handles() const {
  StateDict all;
  for (std::size_t k = 0; k < state_.size(); ++k)
    if (state_[k].defined()) all[state_keys_[k]] = state_[k];
  for (std::size_t g = 0; g < group_count(); ++g)
    read_options(g, [&](const detail::OptionField& field) { all[option_key(g, field)] = option_state(field); });
  all["steps"] = scalar(steps_, i64);
  all["lr_factor"] = scalar(lr_factor_, f64);
  return all;
}

StateDict Optimizer::state_dict() const {
  StateDict all = handles();
  for (auto& [key, value] : all) value = value.clone();
  return all;
}

void Optimizer::load_state_dict(const StateDict& given) {
  check_state_dict(name_, handles(), given);
  const auto steps = given.at("steps").item<Index>();
  const double lr_factor = given.at("lr_factor").item();
  check_number(name_, "steps", static_cast<double>(steps));
  check_number(name_, "lr_factor", lr_factor);
  std::size_t g = 0;
  const auto saved = [&](const detail::OptionField& field) { return option_of(field, given.at(option_key(g, field))); };
  for (g = 0; g < group_count(); ++g) visit_options(g, saved);  // do they all fit?
  for (g = 0; g < group_count(); ++g) change_options(g, saved);
  steps_ = steps;
  lr_factor_ = lr_factor;
  for (std::size_t k = 0; k < state_.size(); ++k)
    if (state_[k].defined()) state_[k].copy_from(given.at(state_keys_[k]));
}

}  // namespace ravine::optim

namespace ravine::detail {

Excursion::Excursion(const std::vector<Variable>& parameters, std::vector<Tensor>& copies)
    : parameters_(parameters), copies_(copies) {
  copies.resize(parameters.size());
  for (std::size_t i = 0; i < copies.size(); ++i) {
    const Tensor& value = parameters[i].node()->value;
    if (!parameters[i].requires_grad())
      copies[i] = Tensor();  // it stays where it is
    else if (copies[i].defined())
      copies[i].copy_from(value);
    else
      copies[i] = value.clone();
  }
}

Excursion::~Excursion() {
  for (std::size_t i = 0; i < copies_.size(); ++i) {
    Tensor& value = parameters_[i].node()->value;
    if (copies_[i].defined() && value.shape() == copies_[i].shape() && value.dtype() == copies_[i].dtype())
      value.copy_from(copies_[i]);
  }
}

}  // namespace ravine::detail
