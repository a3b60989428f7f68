#include <ravine/train/nan_guard.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/train/beside_model.hpp>

namespace ravine::train {
namespace {

using Named = std::vector<std::pair<std::string, Variable>>;

/// "0.bias holds nan", of the first of these tensors of parameters that learn, or do not, which does; or nothing.
template <class F>
std::string first_bad(const Named& parameters, bool learn, F tensor) {
  for (const auto& [name, p] : parameters) {
    const Tensor& x = tensor(p);
    if (p.requires_grad() != learn || !x.defined()) continue;
    if (const std::string bad = detail::bad_number(x); !bad.empty()) return name + " holds " + bad;
  }
  return "";
}

std::string bad_parameter(const Named& parameters, bool learns = true) {
  return first_bad(parameters, learns, [](const Variable& p) -> const Tensor& { return p.value(); });
}

std::string bad_gradient(const Named& parameters) {
  return first_bad(parameters, true, [](const Variable& p) -> const Tensor& { return p.grad(); });
}

/// copy ← x, in its memory if that fits.
void keep(const Tensor& x, Tensor& copy) {
  if (copy.dtype() != x.dtype() || copy.shape() != x.shape()) [[unlikely]]
    copy = x.clone();
  else
    std::memcpy(copy.bytes(), x.bytes(), static_cast<std::size_t>(x.numel()) * size_of(x.dtype()));
}

}  // namespace

NanGuard::NanGuard(nn::Module& model, optim::Optimizer& optimizer)
    : optimizer_(optimizer), parameters_(model.named_parameters()) {
  for (const std::size_t i : detail::beside_model(model, optimizer))
    parameters_.emplace_back("parameter " + std::to_string(i) + " of the optimizer", optimizer.parameters()[i]);
  for (const auto& [name, buffer] : model.named_buffers()) buffers_.emplace_back(buffer, buffer.value().clone());
}

double NanGuard::step(FunctionRef<double()> f) {
  random_before_ = default_generator();
  for (auto& [buffer, before] : buffers_) keep(buffer.value(), before);
  try {
    const detail::FiniteOnly finite_only;
    return f();
  } catch (const AnomalyError& error) {
    put_back();
    if (detail::thread_state.anomaly) throw;            // the caller's DetectAnomaly has said all
    const std::string bad = bad_gradient(parameters_);  // which another run forgets; the optimizer knows no names
    throw AnomalyError((bad.empty() ? error.what() : "the gradient of " + bad) + ": " + culprit(f));
  } catch (const std::out_of_range& error) {  // as running statistics are
    put_back();
    const std::string bad = bad_parameter(parameters_);
    if (bad.empty()) throw;
    throw AnomalyError(error.what() + (": before the step, " + bad));
  } catch (...) {
    put_back();
    throw;
  }
}

void NanGuard::check_parameters() const {
  if (const std::string bad = bad_parameter(parameters_); !bad.empty()) throw AnomalyError(bad);
}

void NanGuard::put_back() {
  default_generator() = random_before_;
  for (const auto& [buffer, before] : buffers_) buffer.set_value(before.clone());
}

std::string NanGuard::culprit(FunctionRef<double()> f) {
  if (const std::string bad = bad_parameter(parameters_); !bad.empty()) return "before the step, " + bad;
  const std::string frozen = bad_parameter(parameters_, false);  // perhaps a mask that may be infinite
  const StateDict of_optimizer = optimizer_.state_dict();
  std::vector<Tensor> values;
  for (const Variable& p : optimizer_.parameters()) values.push_back(p.value().clone());
  std::string found = "repeated under DetectAnomaly, no op gave such a number";
  try {
    const Reevaluation again(random_before_);
    const DetectAnomaly detect;
    if (!std::isfinite(f()) || !bad_gradient(parameters_).empty()) found = "no op made it, it was given";
  } catch (const AnomalyError& error) {
    found = error.what();
  } catch (const std::exception& error) {
    found = std::string("repeated under DetectAnomaly, ") + error.what();
  } catch (...) {
    found = "repeated under DetectAnomaly, it threw what is no std::exception";
  }
  optimizer_.zero_grad();
  optimizer_.load_state_dict(of_optimizer);
  for (std::size_t i = 0; i < values.size(); ++i) optimizer_.parameters()[i].set_value(values[i]);
  return frozen.empty() ? found : "frozen " + frozen + "; " + found;
}

}  // namespace ravine::train
