#include <ravine/train/fit.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/reevaluation.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/data/error.hpp>
#include <ravine/nn/mode.hpp>
#include <ravine/train/beside_model.hpp>
#include <ravine/train/checkpoint.hpp>
#include <ravine/train/nan_guard.hpp>
#include <ravine/train/stop_signals.hpp>

namespace ravine::train {
namespace {

using Clock = std::chrono::steady_clock;

/// Updates in all.
Index total_steps(const FitOptions& o, Index batches) {
  const Index of_epoch = (batches - 1) / o.accumulate + 1;
  const Index by_epochs = std::min(o.epochs, std::numeric_limits<Index>::max() / of_epoch) * of_epoch;
  return o.epochs == 0 ? o.steps : o.steps == 0 ? by_epochs : std::min(o.steps, by_epochs);
}

double size(const data::Batch& batch) { return static_cast<double>(batch.inputs.shape()[0]); }

double examples_of(std::span<const data::Batch> batches) {
  double sum = 0.0;
  for (const data::Batch& batch : batches) sum += size(batch);
  return sum;
}

/// "the batch's inputs hold NaN or infinity", or nothing.
std::string bad_batch(std::span<const data::Batch> batches) {
  for (const data::Batch& batch : batches) {
    if (!all_finite(batch.inputs)) return "the batch's inputs hold NaN or infinity";
    if (!all_finite(batch.targets)) return "the batch's targets hold NaN or infinity";
  }
  return "";
}

/// An average of another model's weights would never move, and not be looked at either.
void check_averages(const optim::WeightAverage& average, const optim::Optimizer& optimizer) {
  for (const Variable& averaged : average.parameters())
    for (const Variable& p : optimizer.parameters())
      if (p.node() == averaged.node()) return;
  throw std::invalid_argument("fit: the average has none of the optimizer's parameters, and would stay as it is");
}

constexpr const char* of_best_model = "best_model.";
constexpr const char* of_others = "..";  // in front of their names beside those of a model, which are not empty

/// The parameters that the optimizer has and the model has not, of a loss for one, by their places.
struct Others final : nn::Module {
  Others(const nn::Module& model, const optim::Optimizer& optimizer) {
    for (const std::size_t i : detail::beside_model(model, optimizer))
      register_parameter(std::to_string(i), optimizer.parameters()[i]);
  }
  Variable forward(const Variable& x) override { return x; }
};

/// A run, which is also what a checkpoint keeps beside model, optimizer and loader.
class Fit {
 public:
  Fit(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, data::DataLoader& loader,
      const FitOptions& options);
  FitResult run();

  StateDict state_dict() const;
  void load_state_dict(const StateDict& state);

 private:
  void go();
  bool over();
  void epoch();
  void finish_epoch(bool tell);
  void set_rate();
  void step(std::span<const data::Batch> batches);
  std::string here(const std::string& what) const { return "fit: step " + std::to_string(run_.step + 1) + ": " + what; }
  double update(std::span<const data::Batch> batches);
  Variable loss_of(const data::Batch& batch);
  std::vector<double> validate();
  void note_best();
  void end_as_best() {
    if (!best_model_.empty()) set_weights(std::move(best_model_));
  }
  bool checkpoint_due() const;
  void save();
  void check_parameters() const;
  void tell(void (Callback::*hook)(Run&)) {
    for (Callback* callback : options_.callbacks) (callback->*hook)(run_);
  }
  /// A run that looks for another best epoch has another name for it, and is refused.
  std::string best_key() const {
    return (options_.maximize ? "best_epoch.highest." : "best_epoch.lowest.") + options_.monitor;
  }
  StateDict expected(const StateDict& saved) const;
  StateDict weights() const;
  void set_weights(StateDict weights);

  nn::Module& model_;
  optim::Optimizer& optimizer_;
  const Loss& loss_;
  data::DataLoader& loader_;
  const FitOptions& options_;
  Others others_;

  FitResult history_;
  Run run_;
  NanGuard guard_;
  std::optional<std::size_t> monitored_;  // column of the history
  StateDict best_model_;
  std::vector<double> sums_;  // over the epoch's examples: the loss, the metrics
  double examples_ = 0.0;     // that they are of
  std::vector<data::Batch> waiting_;

  bool saved_ = false;  // as everything is now
  Clock::time_point saved_at_ = Clock::now();
};

Fit::Fit(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, data::DataLoader& loader,
         const FitOptions& options)
    : model_(model),
      optimizer_(optimizer),
      loss_(loss),
      loader_(loader),
      options_(options),
      others_(model, optimizer),
      history_(options.columns()),
      run_{model, optimizer, history_, options.epochs, total_steps(options, loader.size()), loader.size()},
      guard_(model, optimizer),
      sums_(1 + options.metrics.size()) {
  const auto& names = history_.names();
  const auto found = std::find(names.begin(), names.end(), options.monitor);
  if (found != names.end()) monitored_ = static_cast<std::size_t>(found - names.begin());
}

FitResult Fit::run() {
  std::optional<StopSignals> signals;
  if (options_.stop_on_signals) signals.emplace();
  const nn::Mode training(model_, nn::Mode::training);

  std::error_code unknown;  // is told by who writes
  if (!options_.checkpoint.empty() && std::filesystem::exists(options_.checkpoint, unknown))
    load_checkpoint(options_.checkpoint, model_, optimizer_, loader_, *this);
  else
    save();  // what cannot be written is told at once
  try {
    go();
  } catch (...) {  // a run that diverges has been good before
    end_as_best();
    throw;
  }
  end_as_best();
  tell(&Callback::on_end);
  return std::move(history_);
}

void Fit::go() {
  const bool was_over = over();
  tell(&Callback::on_begin);
  while (!over()) epoch();
  try {
    if (!saved_) save();  // in the middle of an epoch, if it ends there: with larger limits it goes on from there
  } catch (const data::FileError&) {
    if (!was_over) throw;  // else the file is as it would be: all that saving does is remove what a kill may have left
  }
  if (run_.batch > 0 && history_.stopped != Stopped::signal) finish_epoch(!was_over);
}

bool Fit::over() {
  const auto because = [&](Stopped reason) {
    history_.stopped = reason;
    return true;
  };
  if (options_.steps > 0 && run_.step >= options_.steps) return because(Stopped::finished);
  if (options_.epochs > 0 && history_.epochs() >= options_.epochs) return because(Stopped::finished);
  if (options_.patience > 0 && history_.epochs() - history_.best_epoch >= options_.patience)
    return because(Stopped::patience);
  if (run_.stop) return because(Stopped::callback);
  return options_.stop_on_signals && StopSignals::received() && because(Stopped::signal);
}

void Fit::epoch() {
  run_.epoch = history_.epochs() + 1;
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

void Fit::set_rate() {
  try {
    optimizer_.set_lr_factor(options_.schedule(run_.step));
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(here(error.what()));
  }
}

/// One update.
void Fit::step(std::span<const data::Batch> batches) {
  if (options_.schedule) set_rate();
  try {
    run_.loss = guard_.step([&] { return update(batches); });
  } catch (const AnomalyError& error) {
    const std::string bad = bad_batch(batches);
    throw AnomalyError(here(bad.empty() ? error.what() : bad));
  } catch (const std::out_of_range& error) {  // as running statistics are
    throw std::out_of_range(here(error.what()));
  }
  if (options_.average) options_.average->update();

  ++run_.step;
  const double examples = examples_of(batches);
  examples_ += examples;
  sums_[0] += run_.loss * examples;
  run_.mean_loss = sums_[0] / examples_;
  saved_ = false;
  tell(&Callback::on_step);
}

/// Of the mean over the examples of all these batches; with the graph of one batch at a time where the optimizer
/// leaves evaluations to us.
double Fit::update(std::span<const data::Batch> batches) {
  if (batches.size() == 1) return optimizer_.step([&] { return loss_of(batches[0]); });
  const double examples = examples_of(batches);
  const auto share = [&](const data::Batch& batch) { return loss_of(batch) * (size(batch) / examples); };
  if (optimizer_.needs_closure())
    return optimizer_.step([&] {
      Variable loss = share(batches[0]);
      for (const data::Batch& batch : batches.subspan(1)) loss = loss + share(batch);
      return loss;
    });
  optimizer_.zero_grad();
  double sum = 0.0;
  for (const data::Batch& batch : batches) {
    const Variable loss = share(batch);
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
  if (loss.numel() != 1) throw ShapeError("fit: the loss is " + to_string(loss.shape()) + ", not one number");
  if (options_.metrics.empty() || reevaluating() || !std::isfinite(loss.item())) return loss;
  for (std::size_t i = 0; i < options_.metrics.size(); ++i)
    sums_[i + 1] += size(batch) * options_.metrics[i].measure(prediction.detach(), batch.targets);
  return loss;
}

void Fit::finish_epoch(bool tell_of_it) {
  check_parameters();
  std::vector<double> row{static_cast<double>(history_.epochs() + 1), static_cast<double>(run_.step)};
  for (const double sum : sums_) row.push_back(sum / examples_);
  {
    const auto averages = options_.average ? optim::UseAverages(*options_.average) : optim::UseAverages(optimizer_);
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
  const nn::Mode evaluation(model_, nn::Mode::evaluation);
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
  if (options_.keep_best) best_model_ = weights();
}

/// What the optimizer changes, and the model's buffers.
StateDict Fit::weights() const {
  StateDict all = model_.state_dict();
  add_part(all, of_others, others_.state_dict());
  return all;
}

void Fit::set_weights(StateDict weights) {
  others_.load_state_dict(part(weights, of_others));
  std::erase_if(weights, [](const auto& entry) { return entry.first.starts_with(of_others); });
  model_.load_state_dict(weights);
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

void Fit::check_parameters() const {
  try {
    guard_.check_parameters();
  } catch (const AnomalyError& error) {
    const std::string when = run_.step == 0 ? "before the first step" : "after step " + std::to_string(run_.step);
    throw AnomalyError("fit: " + when + ", " + error.what());
  }
}

StateDict Fit::state_dict() const {
  StateDict all{
      {"step", scalar(run_.step, i64)}, {"batch", scalar(run_.batch, i64)}, {"examples", scalar(examples_, f64)}};
  for (std::size_t i = 0; i < sums_.size(); ++i) all["sum." + history_.names()[i + 2]] = scalar(sums_[i], f64);
  add_part(all, "history.", history_.state_dict());
  if (monitored_) all[best_key()] = scalar(history_.best_epoch, i64);
  add_part(all, of_best_model, best_model_);
  add_part(all, "other_parameter.", others_.state_dict());
  if (options_.average) add_part(all, "average.", options_.average->state_dict());
  if (options_.validation) add_part(all, "validation.", options_.validation->state_dict());
  return all;
}

/// Of what grows with the run the names, of all else the shapes as well.
StateDict Fit::expected(const StateDict& saved) const {
  StateDict all = state_dict();
  std::erase_if(all, [](const auto& entry) { return entry.first.starts_with(of_best_model); });
  const auto best = saved.find(best_key());
  if (options_.keep_best && best != saved.end() && best->second.numel() == 1 && best->second.item() > 0.0)
    add_part(all, of_best_model, weights());
  const auto epochs = saved.find("history.epoch");
  if (epochs != saved.end() && epochs->second.rank() == 1)
    for (const std::string& name : history_.names()) all["history." + name] = zeros(epochs->second.shape(), f64);
  return all;
}

void Fit::load_state_dict(const StateDict& saved) {
  StateDict state = saved;
  if (!options_.keep_best)
    std::erase_if(state, [](const auto& entry) { return entry.first.starts_with(of_best_model); });
  check_state_dict("fit", expected(state), state);

  others_.load_state_dict(part(state, "other_parameter."));
  if (options_.average) options_.average->load_state_dict(part(state, "average."));
  if (options_.validation) options_.validation->load_state_dict(part(state, "validation."));
  history_.load_state_dict(part(state, "history."));
  if (monitored_) history_.best_epoch = state.at(best_key()).item<Index>();
  best_model_ = part(state, of_best_model);
  run_.step = state.at("step").item<Index>();
  run_.batch = state.at("batch").item<Index>();
  examples_ = state.at("examples").item();
  for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] = state.at("sum." + history_.names()[i + 2]).item();
  run_.epoch = std::max<Index>(history_.epochs() + (run_.batch > 0), 1);
  run_.mean_loss = run_.batch > 0 ? sums_[0] / examples_ : run_.step > 0 ? history_.row(run_.epoch - 1)[2] : 0.0;
}

}  // namespace

FitResult fit(nn::Module& model, optim::Optimizer& optimizer, const Loss& loss, data::DataLoader& loader,
              const FitOptions& options) {
  options.check();
  detail::check_trains_model("fit", model, optimizer, loader);
  if (options.average) check_averages(*options.average, optimizer);
  return Fit(model, optimizer, loss, loader, options).run();
}

}  // namespace ravine::train
