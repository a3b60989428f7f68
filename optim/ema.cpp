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

double checked(const char* name, const char* what, double value, const Range& range) {
  return detail::visit_option(name, {what, {value}, &range, {}, false},
                              [](const auto& field) { return field.value; })[0];
}

}  // namespace

WeightAverage::WeightAverage(const char* name, std::vector<Variable> parameters)
    : name_(name), parameters_(std::move(parameters)) {
  const auto refuse = [&](const auto&... what) { throw std::invalid_argument(detail::text(name, ": ", what...)); };
  if (parameters_.empty()) refuse("no parameters to average");
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable& p = parameters_[i];
    if (!p.defined()) refuse("parameter ", i, " is undefined");
    if (!p.is_leaf()) refuse("parameter ", i, " is the result of ", p.node()->op, ", not a leaf");
    if (!is_floating(p.dtype())) refuse("parameter ", i, " is ", p.dtype(), ", not floating");
    averages_.push_back(p.value().clone());
  }
}

void WeightAverage::check_unchanged() const {
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const Variable& p = parameters_[i];
    const Tensor& a = averages_[i];
    if (p.shape() != a.shape() || p.dtype() != a.dtype())
      throw std::logic_error(detail::text(name_, ": parameter ", i, " is ", p.shape(), " ", p.dtype(),
                                          " and its average ", a.shape(), " ", a.dtype()));
  }
}

void WeightAverage::update() {
  check_unchanged();
  const auto [keep, gain] = weights();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& a = averages_[i];
    a = std::move(a) * keep + parameters_[i].value() * gain;
  }
}

StateDict WeightAverage::handles() const {
  StateDict all;
  for (std::size_t i = 0; i < averages_.size(); ++i) all[detail::text(i, ".average")] = averages_[i];
  const auto own = own_state();
  all[own.first] = own.second;
  return all;
}

StateDict WeightAverage::state_dict() const {
  StateDict all = handles();
  for (auto& [key, value] : all) value = value.clone();
  return all;
}

void WeightAverage::load_state_dict(const StateDict& state) {
  check_state_dict(name_, handles(), state);
  load_own(state.at(own_state().first));
  for (std::size_t i = 0; i < averages_.size(); ++i) averages_[i] = state.at(detail::text(i, ".average")).clone();
}

ExponentialMovingAverage::ExponentialMovingAverage(std::vector<Variable> parameters, double decay)
    : WeightAverage("ExponentialMovingAverage", std::move(parameters)),
      decay_(checked("ExponentialMovingAverage", "decay", decay, below_one)) {}

std::pair<const char*, Tensor> ExponentialMovingAverage::own_state() const { return {"decay", scalar(decay_, f64)}; }

void ExponentialMovingAverage::load_own(const Tensor& saved) {
  decay_ = checked("ExponentialMovingAverage", "decay", saved.item(), below_one);
}

StochasticWeightAverage::StochasticWeightAverage(std::vector<Variable> parameters)
    : WeightAverage("StochasticWeightAverage", std::move(parameters)) {}

std::pair<double, double> StochasticWeightAverage::weights() {
  const double n = static_cast<double>(++updates_);
  return {(n - 1.0) / n, 1.0 / n};
}

std::pair<const char*, Tensor> StochasticWeightAverage::own_state() const { return {"updates", scalar(updates_, i64)}; }

void StochasticWeightAverage::load_own(const Tensor& saved) {
  updates_ = static_cast<Index>(checked("StochasticWeightAverage", "updates", saved.item(), non_negative));
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

UseAverages::UseAverages(const WeightAverage& average)
    : UseAverages((average.check_unchanged(), average.parameters_), average.averages_) {}

UseAverages::UseAverages(const Optimizer& optimizer) : UseAverages(optimizer.parameters(), optimizer.averages()) {}

UseAverages::~UseAverages() {
  for (std::size_t i = 0; i < saved_.size(); ++i) parameters_[i].set_value(saved_[i]);
}

}  // namespace ravine::optim
