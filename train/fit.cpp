#include <ravine/train/fit.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/core/text.hpp>
#include <ravine/nn/flags.hpp>
#include <ravine/train/checkpoint.hpp>
#include <ravine/train/nan_guard.hpp>
#include <ravine/train/stop_signals.hpp>

namespace ravine::train {
namespace {

using detail::text;
using Clock = std::chrono::steady_clock;

template <class... Parts>
[[noreturn]] void refuse(const Parts&... what) {
  throw std::invalid_argument(text("fit: ", what...));
}

const FitOptions& checked(const FitOptions& o) {
  const auto at_least = [](const char* option, auto value, auto least) {
    if (!(value >= least)) refuse(option, " must be >= ", least, ", got ", value);
  };
  at_least("epochs", o.epochs, 0);
  at_least("steps", o.steps, 0);
  at_least("patience", o.patience, 0);
  at_least("accumulate", o.accumulate, 1);
  at_least("checkpoint_steps", o.checkpoint_steps, 0);
  at_least("checkpoint_minutes", o.checkpoint_minutes, 0.0);
  if (o.epochs == 0 && o.steps == 0) refuse("needs a number of epochs or steps");
  for (const Callback* callback : o.callbacks)
    if (!callback) refuse("a callback is null");
  return o;
}

std::vector<std::string> columns(const FitOptions& o) {
  std::vector<std::string> names{"epoch", "step", "loss"};
  for (const Metric& metric : o.metrics) names.push_back(metric.name);
  if (o.validation) {
    names.push_back("val_loss");
    for (const Metric& metric : o.metrics) names.push_back("val_" + metric.name);
  }
  std::set<std::string> different;
  for (const std::string& name : names)
    if (!different.insert(name).second) refuse("two columns of the history are called '", name, "'");
  return names;
}

std::string list(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

/// Updates in all.
Index total_steps(const FitOptions& o, Index batches) {
  const Index of_epoch = (batches - 1) / o.accumulate + 1;
  const Index by_epochs = std::min(o.epochs, std::numeric_limits<Index>::max() / of_epoch) * of_epoch;
  return o.epochs == 0 ? o.steps : o.steps == 0 ? by_epochs : std::min(o.steps, by_epochs);
}

double size(const data::Batch& batch) { return static_cast<double>(batch.inputs.size(0)); }

/// "the batch's inputs hold nan", or nothing.
std::string bad_batch(std::span<const data::Batch> batches) {
  for (const data::Batch& batch : batches)
    for (const auto& [what, x] : {std::pair("inputs", &batch.inputs), std::pair("targets", &batch.targets)})
      if (!all_finite(*x)) return text("the batch's ", what, " hold NaN or infinity");
  return "";
}

void add_part(StateDict& all, const std::string& prefix, const StateDict& part) {
  for (const auto& [name, value] : part) all[prefix + name] = value;
}
StateDict part(const StateDict& all, const std::string& prefix) {
  StateDict result;
  for (const auto& [name, value] : all)
    if (name.starts_with(prefix)) result[name.substr(prefix.size())] = value;
  return result;
}

/// A run, which is also what a checkpoint keeps beside model, optimizer and loader.
class Fit {
 public:
  Fit(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, data::DataLoader& loader,
      const FitOptions& options);
  History run();

  StateDict state_dict() const;
  void load_state_dict(const StateDict& state);

 private:
  bool over();
  void epoch();
  void finish_epoch(bool tell);
  void step(std::span<const data::Batch> batches);
  double step_in_parts(std::span<const data::Batch> batches, double examples);
  Variable loss_of(const data::Batch& batch);
  std::vector<double> validate();
  void note_best();
  bool checkpoint_due() const;
  void save();
  /// A run that looks for another best epoch has another name for it, and is refused.
  std::string best_key() const {
    return (options_.maximize ? "best_epoch.highest." : "best_epoch.lowest.") + options_.monitor;
  }

  void check_parameters() const;
  void tell(void (Callback::*hook)(Run&)) {
    for (Callback* callback : options_.callbacks) (callback->*hook)(run_);
  }

  nn::Module& model_;
  optim::Optimizer& optimizer_;
  const Loss& loss_;
  data::DataLoader& loader_;
  const FitOptions& options_;

  History history_;
  Run run_;
  std::optional<std::size_t> monitored_;  // column of the history
  StateDict best_model_;
  std::vector<double> sums_;  // over the epoch's examples: the loss, the metrics
  double examples_ = 0.0;     // that they are of
  std::vector<data::Batch> waiting_;

  bool saved_ = false;  // as everything is now
  Clock::time_point saved_at_ = Clock::now();

  NanGuard guard_;
};

Fit::Fit(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, data::DataLoader& loader,
         const FitOptions& options)
    : model_(model),
      optimizer_(optimizer),
      loss_(loss),
      loader_(loader),
      options_(checked(options)),
      history_(columns(options)),
      run_{model, optimizer, history_, options.epochs, total_steps(options, loader.size()), loader.size()},
      sums_(1 + options.metrics.size()),
      guard_(model, optimizer) {
  const auto& names = history_.names();
  const auto found = std::find(names.begin(), names.end(), options.monitor);
  if (found != names.end())
    monitored_ = static_cast<std::size_t>(found - names.begin());
  else if (options.patience > 0 || options.monitor != FitOptions().monitor)
    refuse("monitor is '", options.monitor, "', the history has ", list(names));
}

History Fit::run() {
  std::optional<detail::StopSignals> signals;
  if (options_.stop_on_signals) signals.emplace();
  const detail::TrainingFlags flags(model_);
  if (!model_.training()) model_.train();

  if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint)) {
    load_checkpoint(options_.checkpoint, model_, optimizer_, loader_, *this);
    saved_ = true;
  } else {
    save();  // what cannot be written is told at once
  }
  const bool was_over = over();
  tell(&Callback::on_begin);
  while (!over()) epoch();
  if (!saved_) save();  // in the middle of an epoch, if it ends there: with larger limits it goes on from there
  if (run_.batch > 0 && history_.stopped != Stopped::signal) finish_epoch(!was_over);
  if (!best_model_.empty()) model_.load_state_dict(best_model_);
  tell(&Callback::on_end);
  return std::move(history_);
}

bool Fit::over() {
  const bool limit = (options_.epochs > 0 && history_.epochs() >= options_.epochs) ||
                     (options_.steps > 0 && run_.step >= options_.steps);
  const bool impatient = options_.patience > 0 && history_.epochs() - history_.best_epoch >= options_.patience;
  const bool signal = options_.stop_on_signals && detail::StopSignals::received();
  history_.stopped = limit       ? Stopped::finished
                     : impatient ? Stopped::patience
                     : run_.stop ? Stopped::callback
                                 : Stopped::signal;
  return limit || impatient || run_.stop || signal;
}

void Fit::epoch() {
  for (auto batch = loader_.begin(); batch != loader_.end(); ++batch) {
    run_.batch = batch.position();
    const bool last = run_.batch == run_.batches;
    if (options_.accumulate > 1) {
      waiting_.push_back(*batch);
      if (static_cast<Index>(waiting_.size()) < options_.accumulate && !last) continue;
      step(waiting_);
      waiting_.clear();
    } else {
      step({&*batch, 1});
    }
    if (last) finish_epoch(true);
    if (checkpoint_due()) save();
    if (over()) return;
  }
}

void Fit::step(std::span<const data::Batch> batches) {
  if (options_.schedule) optimizer_.set_lr_factor(options_.schedule(run_.step));
  double examples = 0.0;
  for (const data::Batch& batch : batches) examples += size(batch);
  const auto loss_of_all = [&] {
    Variable loss = loss_of(batches[0]);
    if (batches.size() == 1) return loss;
    loss = loss * (size(batches[0]) / examples);
    for (const data::Batch& batch : batches.subspan(1)) loss = loss + loss_of(batch) * (size(batch) / examples);
    return loss;
  };
  const bool at_once = batches.size() == 1 || optimizer_.needs_closure();
  const auto where = [&](const std::string& what) { return text("fit: step ", run_.step + 1, ": ", what); };
  try {
    run_.loss = guard_.step([&] { return at_once ? optimizer_.step(loss_of_all) : step_in_parts(batches, examples); });
  } catch (const AnomalyError& error) {
    const std::string bad = bad_batch(batches);
    throw AnomalyError(where(bad.empty() ? error.what() : bad));
  } catch (const std::out_of_range& error) {  // as running statistics are
    throw std::out_of_range(where(error.what()));
  }
  if (options_.average) options_.average->update();

  run_.epoch = history_.epochs() + 1;
  ++run_.step;
  examples_ += examples;
  sums_[0] += run_.loss * examples;
  run_.mean_loss = sums_[0] / examples_;
  saved_ = false;
  tell(&Callback::on_step);
}

/// With the graph of one batch at a time.
double Fit::step_in_parts(std::span<const data::Batch> batches, double examples) {
  optimizer_.zero_grad();
  double sum = 0.0;
  for (const data::Batch& batch : batches) {
    const Variable loss = loss_of(batch) * (size(batch) / examples);
    loss.backward();
    sum += loss.item();
  }
  optimizer_.step();
  return sum;
}

Variable Fit::loss_of(const data::Batch& batch) {
  const Variable prediction = model_(batch.inputs);
  Variable loss = loss_(prediction, batch.targets);
  if (!loss.defined()) throw std::logic_error("fit: the loss has no value");
  if (loss.numel() != 1) throw ShapeError(text("fit: the loss is ", loss.shape(), ", not one number"));
  if (reevaluating() || !std::isfinite(loss.item())) return loss;
  for (std::size_t i = 0; i < options_.metrics.size(); ++i)
    sums_[i + 1] += size(batch) * options_.metrics[i].measure(prediction.detach(), batch.targets);
  return loss;
}

void Fit::finish_epoch(bool tell_of_it) {
  check_parameters();
  std::vector<double> row{static_cast<double>(history_.epochs() + 1), static_cast<double>(run_.step)};
  for (const double sum : sums_) row.push_back(sum / examples_);
  {
    std::optional<optim::UseAverages> averages;
    if (options_.average && monitored_) averages.emplace(*options_.average);
    if (options_.validation)
      for (const double value : validate()) row.push_back(value);
    history_.add(std::move(row));
    note_best();
  }
  if (tell_of_it) tell(&Callback::on_epoch);
  run_.batch = 0;
  examples_ = 0.0;
  std::fill(sums_.begin(), sums_.end(), 0.0);
}

/// The loss and the metrics of the validation examples.
std::vector<double> Fit::validate() {
  const NoGrad no_grad;
  const detail::TrainingFlags flags(model_);
  model_.eval();
  double sum = 0.0, examples = 0.0;
  std::vector<Tensor> predictions, targets;
  for (const data::Batch& batch : *options_.validation) {
    const Variable prediction = model_(batch.inputs);
    sum += size(batch) * loss_(prediction, batch.targets).item();
    examples += size(batch);
    if (options_.metrics.empty()) continue;
    predictions.push_back(prediction.value());
    targets.push_back(batch.targets);
  }
  std::vector<double> result{sum / examples};
  if (options_.metrics.empty()) return result;
  const Tensor prediction = concat(predictions, 0), target = concat(targets, 0);
  for (const Metric& metric : options_.metrics) result.push_back(metric.measure(prediction, target));
  return result;
}

void Fit::note_best() {
  if (!monitored_) return;
  const auto value = [&](Index epoch) { return history_.row(epoch - 1)[*monitored_]; };
  const double now = value(history_.epochs());
  if (std::isnan(now)) return;
  if (history_.best_epoch > 0) {
    const double best = value(history_.best_epoch);
    if (options_.maximize ? now <= best : now >= best) return;
  }
  history_.best_epoch = history_.epochs();
  if (options_.keep_best) best_model_ = model_.state_dict();
}

bool Fit::checkpoint_due() const {
  if (options_.checkpoint.empty()) return false;
  if (options_.checkpoint_steps > 0 && run_.step % options_.checkpoint_steps == 0) return true;
  const double minutes = std::chrono::duration<double>(Clock::now() - saved_at_).count() / 60.0;
  return options_.checkpoint_minutes > 0.0 && minutes >= options_.checkpoint_minutes;
}

void Fit::save() {
  check_parameters();
  if (options_.checkpoint.empty()) return;
  save_checkpoint(options_.checkpoint, model_, optimizer_, loader_, *this);
  saved_ = true;
  saved_at_ = Clock::now();
}

StateDict Fit::state_dict() const {
  StateDict all{
      {"step", scalar(run_.step, i64)}, {"batch", scalar(run_.batch, i64)}, {"examples", scalar(examples_, f64)}};
  for (std::size_t i = 0; i < sums_.size(); ++i) all["sum." + history_.names()[i + 2]] = scalar(sums_[i], f64);
  for (const std::string& name : history_.names()) all["history." + name] = history_.column(name);
  if (monitored_) all[best_key()] = scalar(history_.best_epoch, i64);
  add_part(all, "best_model.", best_model_);
  if (options_.average) add_part(all, "average.", options_.average->state_dict());
  if (options_.validation) add_part(all, "validation.", options_.validation->state_dict());
  return all;
}

void Fit::load_state_dict(const StateDict& saved) {
  StateDict state = saved;
  if (!options_.keep_best)
    std::erase_if(state, [](const auto& entry) { return entry.first.starts_with("best_model."); });
  // Of what grows with the run, the names must fit; of all else the shapes as well.
  StateDict expected = state_dict();
  std::erase_if(expected, [](const auto& entry) { return entry.first.starts_with("best_model."); });
  const auto best = state.find(best_key());
  if (options_.keep_best && best != state.end() && best->second.numel() == 1 && best->second.item() > 0.0)
    add_part(expected, "best_model.", model_.state_dict());
  const auto epochs = state.find("history.epoch");
  if (epochs != state.end() && epochs->second.rank() == 1)
    for (const std::string& name : history_.names()) expected["history." + name] = zeros(epochs->second.shape(), f64);
  detail::check_state_dict("fit", expected, state);

  if (options_.average) options_.average->load_state_dict(part(state, "average."));
  if (options_.validation) options_.validation->load_state_dict(part(state, "validation."));
  run_.step = state.at("step").item<Index>();
  run_.batch = state.at("batch").item<Index>();
  examples_ = state.at("examples").item();
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] = state.at("sum." + history_.names()[i + 2]).item();
  best_model_ = part(state, "best_model.");
  history_ = History(history_.names());
  for (Index i = 0; i < state.at("history.epoch").numel(); ++i) {
    std::vector<double> row;
    for (const std::string& name : history_.names()) row.push_back(state.at("history." + name).at({i}));
    history_.add(std::move(row));
  }
  if (monitored_) history_.best_epoch = state.at(best_key()).item<Index>();
  run_.epoch = std::max<Index>(history_.epochs() + (run_.batch > 0), 1);
  run_.mean_loss = run_.batch > 0 ? sums_[0] / examples_ : run_.step > 0 ? history_.row(run_.epoch - 1)[2] : 0.0;
}

void Fit::check_parameters() const {
  try {
    guard_.check_parameters();
  } catch (const AnomalyError& error) {
    throw AnomalyError(
        text("fit: ", run_.step == 0 ? "before the first step" : text("after step ", run_.step), ", ", error.what()));
  }
}

}  // namespace

History fit(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, data::DataLoader& loader,
            const FitOptions& options) {
  return Fit(model, optimizer, loss, loader, options).run();
}

}  // namespace ravine::train
