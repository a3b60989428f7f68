#include <ravine/train/fit_options.hpp>

#include <algorithm>
#include <set>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/optim/call.hpp>

namespace ravine::train {
namespace {

template <class... Parts>
[[noreturn]] void refuse_options(const Parts&... what) {
  throw std::invalid_argument(detail::text("fit: ", what...));
}

}  // namespace

std::vector<std::string> FitOptions::columns() const {
  std::vector<std::string> names{"epoch", "step", "loss"};
  for (const Metric& metric : metrics) names.push_back(metric.name);
  if (validation) {
    names.push_back("val_loss");
    for (const Metric& metric : metrics) names.push_back("val_" + metric.name);
  }
  std::set<std::string> different;
  for (const std::string& name : names)
    if (!different.insert(name).second) refuse_options("two columns of the history are called '", name, "'");
  return names;
}

void FitOptions::check() const {
  const auto at_least = [](const char* option, auto value, auto least) {
    if (!(value >= least)) refuse_options(option, " must be >= ", least, ", got ", value);
  };
  at_least("epochs", epochs, 0);
  at_least("steps", steps, 0);
  at_least("patience", patience, 0);
  at_least("accumulate", accumulate, 1);
  at_least("checkpoint_steps", checkpoint_steps, 0);
  at_least("checkpoint_minutes", checkpoint_minutes, 0.0);
  if (epochs == 0 && steps == 0) refuse_options("needs a number of epochs or steps");
  for (const Callback* callback : callbacks)
    if (!callback) refuse_options("a callback is null");
  const std::vector<std::string> names = columns();
  const bool needed = patience > 0 || monitor != FitOptions().monitor;
  if (needed && std::find(names.begin(), names.end(), monitor) == names.end())
    refuse_options("monitor is '", monitor, "', the history has ", detail::join(names));
}

}  // namespace ravine::train
