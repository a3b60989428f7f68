/// @file
/// What every optimizer is to a training loop.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/callable.hpp>
#include <ravine/core/function_ref.hpp>
#include <ravine/core/state_dict.hpp>
#include <ravine/optim/options.hpp>

/// Optimizers and what drives them.
namespace ravine::optim {

/// Changes parameters, in place, so that a loss falls.
///
/// Either the loop makes the gradients itself, or it gives the optimizer a closure that returns the loss:
///
///     optimizer.zero_grad();
///     loss.backward();
///     optimizer.step();
///
///     double loss = optimizer.step([&] { return mse_loss(model(x), y); });
///
/// The second serves every optimizer, also those that need the gradient elsewhere or more than once. A parameter
/// without a gradient, a frozen one among them, is skipped: neither it nor its state changes. Updates are counted for
/// all together, so one whose first gradient comes late starts with the bias correction of that update, in longer
/// steps; an optimizer of its own avoids that. Nothing hides a NaN: it stays in the elements whose gradients had one
/// and in their state, or goes where the update mixes elements. A graph recorded before a step refuses its backward
/// pass after it, where that needs values that the step has changed.
class Optimizer {
 public:
  using Closure = FunctionRef<Variable()>;
  using GradientCallback = Callable<void(const std::vector<Variable>&)>;

  virtual ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update from the gradients there are. Throws std::logic_error if the optimizer needs a closure, or if a
  /// parameter has changed its shape or dtype since the optimizer was made.
  void step();
  /// One update. Clears the gradients, evaluates the closure, which leaves backward() to the optimizer, where and as
  /// often as need be, and returns the loss of the first evaluation; the gradients of the last one stay. If the closure
  /// throws, parameters and state are as before, but for copies of parameters, which the first update makes. Throws as
  /// above.
  double step(Closure closure);
  void zero_grad();
  /// True if `step()` is refused, because the loss must be evaluated where the optimizer says.
  virtual bool needs_closure() const { return false; }
  /// Why more steps like the last one would change nothing, in a word, or null: only L-BFGS can tell, see there. Not
  /// part of the state.
  virtual const char* stopped() const { return nullptr; }

  /// Of all groups, in order.
  const std::vector<Variable>& parameters() const { return parameters_; }
  /// Finished updates.
  Index steps() const { return steps_; }
  /// Gradients of a closure's loss that were evaluated since this object was made: one for each evaluation, two for a
  /// product of the Hessian with a vector, whose forward and backward pass lead over a backward one. No part of the
  /// state.
  Index evaluations() const { return evaluations_; }

  /// The learning rate in force is each group's `lr` times this factor, 1 at the start; a schedule sets it before each
  /// step. Throws std::invalid_argument if it is negative, infinite or NaN.
  void set_lr_factor(double factor);
  double lr_factor() const { return lr_factor_; }

  /// From now on runs f on the parameters whenever there are new gradients, after earlier callbacks and before the
  /// optimizer uses them (or adds a coupled weight decay): for clipping and logging.
  void on_gradients(GradientCallback f);

  /// For each parameter the value to evaluate with, of an optimizer that keeps others than the parameters (ASGD,
  /// Schedule-Free, Lookahead); of the others none. `UseAverages` puts them in the parameters' place.
  virtual std::vector<Tensor> averages() const { return {}; }

  /// The name and all options, of each group: "Adam(lr=0.001, beta1=0.9, …)".
  virtual std::string describe() const;

  /// A copy of the state: `"<index>.<slot>"` for what is kept for each parameter (in the order of `parameters()`),
  /// "steps" (i64), "lr_factor" (f64), and every option as an f64 scalar, `"group.<index>.<option>"` (a bool or an
  /// enumerator as its number, what is absent as NaN, a list as a vector). Loading brings all of it back, options
  /// included, and so the bits of an uninterrupted run. Callbacks are not part of it.
  virtual StateDict state_dict() const;
  /// Throws std::invalid_argument, before anything changes, if names, shapes, types or options do not fit.
  virtual void load_state_dict(const StateDict& state);

 protected:
  /// Throws std::invalid_argument if there are no parameters, or one is undefined, a constant (a frozen parameter is
  /// none), an integer tensor, the result of an op, or comes twice.
  Optimizer(const char* name, std::vector<Variable> parameters);

  const char* name() const { return name_; }
  [[noreturn]] void refuse_empty_group(std::size_t group) const;

  /// Adds to the state, by the key "<parameter>.<slot>"; an empty tensor stands for something that is not kept.
  void add_state(std::size_t parameter, const char* slot, Tensor value);
  /// The same for something that belongs to all parameters, by its name alone.
  void add_state(std::string name, Tensor value);
  /// Adds what starts as a copy of the parameter as it is when the first update begins: weights may be loaded until
  /// then.
  void add_copy(std::size_t parameter, const char* slot);
  /// What was added, in that order.
  Tensor& state(std::size_t k) { return state_[k]; }
  const Tensor& state(std::size_t k) const { return state_[k]; }
  std::span<Tensor> state(std::size_t first, std::size_t count) { return {state_.data() + first, count}; }

  /// The closure's loss at the present values, of cleared gradients.
  Variable forward(Closure closure);
  /// Its gradients, after the callbacks; returns the loss. Throws as `run_callbacks`.
  double evaluate(Closure closure);
  /// For an optimizer that makes gradients itself. Then throws as `check_unchanged`; within a train::NanGuard
  /// AnomalyError for a gradient that is NaN or infinite.
  void run_callbacks() const;
  /// For one whose gradients another optimizer evaluates.
  void count_evaluations(Index evaluations) { evaluations_ += evaluations; }
  /// For one that multiplies vectors with the Hessian, so often in this step.
  void count_products(Index products) { evaluations_ += 2 * products; }
  /// Throws AnomalyError: "Adam: the gradient of parameter 3, of shape (64, 9), holds nan".
  [[noreturn]] void refuse_number(const char* what, std::size_t parameter, const Tensor& x) const;
  /// Throws std::logic_error if a parameter has changed its shape or dtype.
  void check_unchanged() const;

  /// Update number steps() + 1 from the gradients of the parameters that have one.
  virtual void update() = 0;
  /// Gets gradients as the optimizer needs them, then updates; returns the first loss.
  virtual double advance(Closure closure);

  virtual std::size_t group_count() const = 0;
  /// Shows a group's options to `visit` and checks what it makes of them. Throws std::invalid_argument.
  virtual void visit_options(std::size_t group, detail::OptionVisitor visit) const = 0;
  /// The same, and they become that.
  virtual void change_options(std::size_t group, detail::OptionVisitor visit) = 0;

 private:
  struct Spec {
    Index numel;
    Shape shape;
    DType dtype;
    /// True if p is as it was; then so is its gradient.
    bool is_of(const Variable& p) const { return p.shape() == shape && p.dtype() == dtype; }
  };

  /// False if a gradient holds NaN or infinity, which is looked for on demand; if not, frozen parameters have none
  /// afterwards. Throws as `check_unchanged`.
  bool gradients_usable(bool look_for_nan) const;
  void begin();
  void read_options(std::size_t group, FunctionRef<void(const detail::OptionField&)> read) const;
  StateDict handles() const;

  const char* name_;
  std::vector<Variable> parameters_;
  std::vector<Spec> specs_;  // of the parameters when the optimizer was made
  std::vector<std::string> state_keys_;
  std::vector<Tensor> state_;
  std::vector<std::pair<std::size_t, std::size_t>> copies_;  // which of the state, of which parameter
  std::vector<GradientCallback> callbacks_;
  Index steps_ = 0, evaluations_ = 0;
  double lr_factor_ = 1.0;
};

}  // namespace ravine::optim

namespace ravine::detail {

/// While it lives, an optimizer may move its parameters to look at the loss elsewhere; then they get their values back,
/// exactly. `copies` belongs to the optimizer, so that a step allocates nothing.
class Excursion {
 public:
  Excursion(const std::vector<Variable>& parameters, std::vector<Tensor>& copies);
  ~Excursion();
  Excursion(const Excursion&) = delete;
  Excursion& operator=(const Excursion&) = delete;

 private:
  const std::vector<Variable>& parameters_;
  const std::vector<Tensor>& copies_;
};

}  // namespace ravine::detail
