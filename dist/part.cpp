#include <ravine/dist/part.hpp>

#include <stdexcept>
#include <utility>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/autograd/arithmetic.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>

namespace ravine::detail {

Part::Part(const Task& task, const Cut& cut, Index number)
    : number(number),
      generator(default_generator()),
      variables_(task.variables),
      state_(thread_state),
      module_path_(module_path()),
      gradients_(variables_.size()),
      kept_(variables_.size()),
      loss_(zeros({static_cast<Index>(variables_.size()) + 1}, f64)),
      captured_(variables_.size()) {
  first = cut.row(number);
  rows = cut.row(number + 1) - first;
  batch = cut.rows;
  sync_batch_norm = task.options.sync_batch_norm;
  state_.reevaluating |= number > 0;  // what an evaluation moves along moves once
  for (const Variable& v : variables_) closed_.push_back(!v.requires_grad());
  if (number > 0)
    for (const auto& [name, buffer] : task.buffers) buffers_.emplace_back(buffer, buffer.value());
}

Part::~Part() {
  if (fiber_.over()) return;
  trade();
  fiber_.end();
  trade();
}

void Part::go_on(const Task& task, Index before, Differentiate differentiate, const LeafHook* complete) {
  if (!started_)
    fiber_.start([this, &task, before, differentiate, complete] { compute(task, before, differentiate, complete); });
  started_ = true;
  trade();
  fiber_.go_on();
  trade();
  if (error_) std::rethrow_exception(error_);
}

void Part::keep(std::size_t variable) {
  kept_[variable] = std::move(variables_[variable].node()->gradient);
  closed_[variable] = true;
}

void Part::rest() {
  rests_ = true;
  fiber_.pause();
  rests_ = false;
}

std::vector<Tensor> Part::take(const std::vector<std::size_t>& variables) {
  std::vector<Tensor> result;
  if (rows == 0) return result;
  for (const std::size_t k : variables) {
    result.push_back(std::move(closed_[k] ? kept_[k] : gradients_[k]));
    if (result.back().defined()) loss_.raw<double>()[k + 1] = 1.0;
  }
  return result;
}

std::vector<Tensor> Part::take_loss() { return rows > 0 ? std::vector{std::move(loss_)} : std::vector<Tensor>(); }

Tensor Part::sum(Tensor part) {
  if (part.dtype() != f64) throw DTypeError(text("Shard::sum: needs f64, got ", part.dtype()));
  given = std::move(part);
  fiber_.pause();
  return std::move(given);
}

void Part::compute(const Task& task, Index before, Differentiate differentiate, const LeafHook* complete) {
  try {
    const Index begin = first - before, end = begin + rows;
    const double share = static_cast<double>(rows) / static_cast<double>(batch);
    const Tensor& targets = task.mine.targets;
    const Variable mean =
        task.f(task.mine.inputs.slice(0, begin, end), targets.defined() ? targets.slice(0, begin, end) : targets);
    if (!mean.defined()) throw std::logic_error("DataParallel: the function returned no loss");
    if (mean.numel() != 1)
      throw ShapeError(text("DataParallel: the loss of rows must have one element, got ", mean.shape()));
    loss_.raw<double>()[0] = mean.item() * share;
    differentiate(rows == batch ? mean : mean * share, complete);
    refuse_late();
  } catch (const Fiber::Ended&) {
    throw;
  } catch (...) {
    error_ = std::current_exception();
  }
}

/// Gradients that would be lost.
void Part::refuse_late() const {
  for (std::size_t k = 0; k < variables_.size(); ++k)
    if (closed_[k] && variables_[k].node()->gradient.defined())
      throw std::logic_error(text("DataParallel: a parameter of shape ", variables_[k].shape(),
                                  " has a gradient after its own was sent to other ranks, or was frozen when the step "
                                  "began: a pullback may not call backward(), nor a loss thaw parameters"));
}

/// What the thread has for what is kept here.
void Part::trade() {
  const auto recorded = thread_state.recorded;
  std::swap(thread_state, state_);
  thread_state.recorded = recorded;
  std::swap(module_path(), module_path_);
  std::swap(default_generator(), generator);
  shard_ = Shard::enter(shard_);
  for (auto& [buffer, value] : buffers_) std::swap(buffer.node()->value, value);
  for (std::size_t k = 0; k < variables_.size(); ++k) {
    std::swap(variables_[k].node()->gradient, gradients_[k]);
    captured_[k] = std::exchange(variables_[k].node()->captured, captured_[k]);
  }
}

}  // namespace ravine::detail
