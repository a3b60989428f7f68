#include <ravine/optim/ema.hpp>

#include <stdexcept>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/optimizer.hpp>
#include <ravine/optim/options.hpp>
#include <ravine/optim/under_way.hpp>

namespace ravine::optim {
namespace {

constexpr const char* name = "ExponentialMovingAverage";

double checked_decay(double decay) {
  return detail::visit_option(name, {"decay", {decay}, &below_one, {}, false},
                              [](const auto& field) { return field.value; })[0];
}

}  // namespace

ExponentialMovingAverage::ExponentialMovingAverage(std::vector<Variable> parameters, double decay)
    : parameters_(std::move(parameters)), decay_(checked_decay(decay)) {
  const auto refuse = [](const auto&... what) { throw std::invalid_argument(detail::text(name, ": ", what...)); };
  if (parameters_.empty()) refuse("no parameters to average");
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable& p = parameters_[i];
    if (!p.defined()) refuse("parameter ", i, " is undefined");
    if (!p.is_leaf()) refuse("parameter ", i, " is the result of ", p.node()->op, ", not a leaf");
    if (!is_floating(p.dtype())) refuse("parameter ", i, " is ", p.dtype(), ", not floating");
    averages_.push_back(p.value().clone());
  }
}

void ExponentialMovingAverage::check_unchanged() const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable& p = parameters_[i];
    const Tensor& a = averages_[i];
    if (p.shape() != a.shape() || p.dtype() != a.dtype())
      throw std::logic_error(detail::text(name, ": parameter ", i, " is ", p.shape(), " ", p.dtype(),
                                          " and its average ", a.shape(), " ", a.dtype()));
  }
}

void ExponentialMovingAverage::update() {
  check_unchanged();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& a = averages_[i];
    a = std::move(a) * decay_ + parameters_[i].value() * (1.0 - decay_);
  }
}

StateDict ExponentialMovingAverage::handles() const {
  StateDict all;
  for (std::size_t i = 0; i < averages_.size(); ++i) all[detail::text(i, ".average")] = averages_[i];
  all["decay"] = scalar(decay_, f64);
  return all;
}

StateDict ExponentialMovingAverage::state_dict() const {
  StateDict all = handles();
  for (auto& [key, value] : all) value = value.clone();
  return all;
}

void ExponentialMovingAverage::load_state_dict(const StateDict& state) {
  check_state_dict(name, handles(), state);
  decay_ = checked_decay(state.at("decay").item());
  for (std::size_t i = 0; i < averages_.size(); ++i) averages_[i] = state.at(detail::text(i, ".average")).clone();
}

UseAverages::UseAverages(std::vector<Variable> parameters, const std::vector<Tensor>& averages)
    : parameters_(std::move(parameters)) {
  if (averages.empty()) return;
  if (detail::StepUnderWay::of(parameters_))
    throw std::logic_error("UseAverages: a step of these parameters is under way");
  for (const Variable& p : parameters_) saved_.push_back(p.value());
  for (std::size_t i = 0; i < averages.size(); ++i)  // copies, so that a write to a parameter does not reach them
    parameters_[i].set_value(averages[i].clone());
}

UseAverages::UseAverages(const ExponentialMovingAverage& average)
    : UseAverages((average.check_unchanged(), average.parameters_), average.averages_) {}

UseAverages::UseAverages(const Optimizer& optimizer) : UseAverages(optimizer.parameters(), optimizer.averages()) {}

UseAverages::~UseAverages() {
  for (std::size_t i = 0; i < saved_.size(); ++i) parameters_[i].set_value(saved_[i]);
}

}  // namespace ravine::optim
