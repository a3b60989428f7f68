/// @file
/// The base of optimizers that look at a whole parameter, at its norm, rows or columns, or at it as a matrix: Derived
/// gives its options, what it keeps and its rule, the base owns the state and the loop over parameters.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include <ravine/core/function_ref.hpp>
#include <ravine/optim/groups.hpp>

namespace ravine::detail {

/// What is kept for a parameter: a name for each tensor and what it starts with; an empty one is not kept.
using Kept = std::vector<std::pair<std::string, Tensor>>;

/// Throws std::invalid_argument unless both keep the same.
void check_kept(const char* optimizer, const Kept& present, const Kept& loaded);

/// change(i) of all these, several at a time but for the largest ones, which the threads share.
void share_out(const std::vector<Variable>& params, std::vector<std::size_t> which,
               FunctionRef<void(std::size_t)> change);

/// Rules for one element that an update is made of, each of which may return an array of numbers to be added up.
template <class... Rule>
struct PassList {};

}  // namespace ravine::detail

namespace ravine::optim {

/// Where a rule stands: the rate in force, the schedule's factor in it, and t = 1, 2, …
struct Now {
  double lr, factor;
  Index t;
};

/// An optimizer made of a rule for one parameter. Derived, a class with `using Parameterwise::Parameterwise`, has
///
///     static constexpr const char* name = "LAMB";
///     static detail::Kept keeps(const Options&, const Variable& p);  // once; throws for a parameter it cannot take
///     static void change(const Options&, Now now, const Variable& p, std::span<Tensor> kept);  // an update
///
/// and, if an update decomposes or multiplies matrices, `static constexpr bool slow = true`: several parameters at a
/// time. `change` is called for parameters that have a gradient and elements. What it does by ops on tensors has the
/// same bits on any number of threads. Options has a field `lr`. The library's own that run rules for one element
/// (optim/algebra.hpp) have their loops compiled for each instruction set by `using Passes = detail::PassList<…>`.
template <class Derived, class Options>
class Parameterwise : public Grouped<Options> {
  using Base = Grouped<Options>;

 public:
  /// One group. Throws std::invalid_argument for options out of range, and as Optimizer.
  explicit Parameterwise(std::vector<Variable> params, Options options = {})
      : Base(Derived::name, std::move(params), std::move(options)) {
    make_state();
  }
  /// Groups that differ in their options. Throws std::invalid_argument for a group without parameters as well.
  explicit Parameterwise(const std::vector<ParamGroup<Options>>& groups) : Base(Derived::name, groups) { make_state(); }

 protected:
  void update() override {
    for (const auto& group : this->groups()) {
      const Options& o = group.options;
      const Now now{o.lr * this->lr_factor(), this->lr_factor(), this->steps() + 1};
      const auto change = [&](std::size_t i) { Derived::change(o, now, this->parameters()[i], kept(i)); };
      std::vector<std::size_t> all;
      for (std::size_t i = group.begin; i < group.end; ++i)
        if (this->parameters()[i].grad().defined() && this->parameters()[i].numel() > 0) all.push_back(i);
      if constexpr (requires { Derived::slow; })
        detail::share_out(this->parameters(), std::move(all), change);
      else
        for (const std::size_t i : all) change(i);
    }
  }

  /// What is kept for parameter i.
  std::span<Tensor> kept(std::size_t i) { return this->state(first_[i], first_[i + 1] - first_[i]); }

  void check_loaded(const typename Base::Group& present, const Options& loaded) const override {
    for (std::size_t i = present.begin; i < present.end; ++i) {
      const Variable& p = this->parameters()[i];
      detail::check_kept(Derived::name, Derived::keeps(present.options, p), Derived::keeps(loaded, p));
    }
  }

 private:
  void make_state() {
    for (const auto& group : this->groups())
      for (std::size_t i = group.begin; i < group.end; ++i) {
        const detail::Kept all = Derived::keeps(group.options, this->parameters()[i]);
        first_.push_back(first_.back() + all.size());
        for (const auto& [name, start] : all) this->add_state(i, name.c_str(), start);
      }
  }

  std::vector<std::size_t> first_ = {0};  // of each parameter in the state
};

}  // namespace ravine::optim
