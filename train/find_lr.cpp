#include <ravine/train/find_lr.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/core/text.hpp>
#include <ravine/nn/mode.hpp>
#include <ravine/train/beside_model.hpp>

namespace ravine::train {
namespace {

using detail::text;

template <class... Parts>
[[noreturn]] void refuse(const Parts&... what) {
  throw std::invalid_argument(text("find_lr: ", what...));
}

void check(const FindLrOptions& o) {
  if (!(o.low > 0.0)) refuse("low must be > 0, got ", o.low);
  if (!(o.high > o.low) || std::isinf(o.high)) refuse("high must be finite and > low = ", o.low, ", got ", o.high);
  if (o.steps < 2) refuse("steps must be >= 2, got ", o.steps);
  if (!(o.smoothing >= 0.0 && o.smoothing < 1.0)) refuse("smoothing must be in [0, 1), got ", o.smoothing);
}

/// Puts everything back.
class Restore {
 public:
  Restore(nn::Module& model, optim::Optimizer& optimizer)
      : model_(model), optimizer_(optimizer), of_model_(model.state_dict()), of_optimizer_(optimizer.state_dict()) {
    for (const Variable& p : optimizer.parameters()) values_.push_back(p.value().clone());
    for (const auto& all : {model.parameters(), optimizer.parameters()})
      for (const Variable& p : all) gradients_.emplace_back(p, p.grad());
    for (const auto& [p, gradient] : gradients_) p.zero_grad();  // so that nothing is added to them
  }
  ~Restore() {
    model_.load_state_dict(of_model_);
    optimizer_.load_state_dict(of_optimizer_);
    for (std::size_t i = 0; i < values_.size(); ++i) optimizer_.parameters()[i].set_value(values_[i]);
    for (const auto& [p, gradient] : gradients_) p.set_grad(gradient);
    default_generator() = random_;
  }
  Restore(const Restore&) = delete;
  Restore& operator=(const Restore&) = delete;

  /// Of the first group, without the factor in force; that of a wrapper is its base's.
  double lr() const {
    for (const auto& [name, value] : of_optimizer_)
      if (name.ends_with("group.0.lr")) return value.item();
    refuse("the optimizer has no option lr: ", optimizer_.describe());
  }

 private:
  nn::Module& model_;
  optim::Optimizer& optimizer_;
  StateDict of_model_, of_optimizer_;
  std::vector<Tensor> values_;  // of the optimizer's parameters, which need not all be the model's
  std::vector<std::pair<Variable, Tensor>> gradients_;
  Generator random_ = default_generator();
  nn::Mode mode_{model_, nn::Mode::training};
};

/// The rate in the middle of the steepest fifth of the test on the way down to the lowest point. Single steps go down
/// by what their batches differ, and the first tenth by the means of a few losses.
double steepest(const std::vector<double>& lr, const std::vector<double>& smoothed) {
  const auto lowest = static_cast<std::size_t>(std::min_element(smoothed.begin(), smoothed.end()) - smoothed.begin());
  const std::size_t first = lr.size() / 10, width = std::max<std::size_t>(lr.size() / 5, 1);
  double best = std::numeric_limits<double>::quiet_NaN(), slope = 0.0;
  for (std::size_t i = first + width; i <= lowest; ++i) {
    const double now = (smoothed[i] - smoothed[i - width]) / std::log(lr[i] / lr[i - width]);
    if (now < slope) {
      slope = now;
      best = std::sqrt(lr[i] * lr[i - width]);
    }
  }
  return best;
}

}  // namespace

LrRange find_lr(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, const data::DataLoader& loader,
                const FindLrOptions& options) {
  check(options);
  detail::check_trains_model("find_lr", model, optimizer, loader);
  const Restore restore(model, optimizer);
  const double own = restore.lr();
  const double growth = std::pow(options.high / options.low, 1.0 / static_cast<double>(options.steps - 1));
  const double decay = options.smoothing;
  data::DataLoader batches(loader);

  std::vector<double> rates, losses, means;
  double mean = 0.0, lowest = std::numeric_limits<double>::infinity();
  const auto step = [&](const data::Batch& batch) {
    const double rate = options.low * std::pow(growth, static_cast<double>(rates.size()));
    optimizer.set_lr_factor(rate / own);
    const double now = optimizer.step([&] { return loss(model(batch.inputs), batch.targets); });
    if (!std::isfinite(now)) return false;
    mean = decay * mean + (1.0 - decay) * now;
    rates.push_back(rate);
    losses.push_back(now);
    means.push_back(mean / (1.0 - std::pow(decay, static_cast<double>(rates.size()))));
    lowest = std::min(lowest, means.back());
    return means.back() <= lowest + 3.0 * std::abs(lowest) && static_cast<Index>(rates.size()) < options.steps;
  };
  for (bool more = true; more;)
    for (const data::Batch& batch : batches)
      if (!(more = step(batch))) break;
  return {tensor(rates, f64), tensor(losses, f64), tensor(means, f64), steepest(rates, means)};
}

}  // namespace ravine::train
