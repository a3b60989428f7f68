/// @file
/// The base of optimizers that find one number from all parameters together, the distance d to the solution: Derived
/// gives its options and two rules for a parameter, the base owns the state, d and the loops.
#pragma once

#include <array>
#include <span>
#include <utility>
#include <vector>

#include <ravine/core/factories.hpp>
#include <ravine/core/math.hpp>
#include <ravine/core/reduce.hpp>
#include <ravine/optim/parameterwise.hpp>

namespace ravine::detail {

/// ‖x‖₁.
double sum_of_sizes(const Tensor& x);

}  // namespace ravine::detail

namespace ravine::optim {

/// Where such a rule stands: q = d α c with c = √(1 - β2^t) / (1 - β1^t), d before and after the update, t = 1, 2, …
struct DistanceNow {
  double q, d, next_d;
  Index t;
};

/// An optimizer whose rate is found from sums over all parameters. Derived, a class with `using Coupled::Coupled`, has
///
///     static constexpr const char* name = "Prodigy";
///     static constexpr std::array slots = {"s", "start", "m", "v"};  // as elements of the parameter; "s" is the first
///     static bool starts_at_parameter(std::size_t slot);             // the others start with 0
///     // Brings s up to date: what is added to r, and ‖s‖₁ of the parameter.
///     static std::array<double, 2> gather(const Options&, DistanceNow, const Variable& p, std::span<Tensor> slots);
///     static double keep(const Options&);                                  // r ← keep r + Σ gather
///     static double estimate(const Options&, double r, double size_of_s);  // of d, with ‖s‖₁ over all parameters
///     static void change(const Options&, DistanceNow, const Variable& p, std::span<Tensor> slots);
///
/// d = max(d, estimate); d and r are state, of the optimizer. Groups share them, by the first one's options.
template <class Derived, class Options>
class Coupled : public Grouped<Options> {
  using Base = Grouped<Options>;

 public:
  /// One group. Throws std::invalid_argument for options out of range, and as Optimizer.
  explicit Coupled(std::vector<Variable> params, Options options = {})
      : Base(Derived::name, std::move(params), std::move(options)) {
    make_state();
  }
  /// Groups that differ in their options. Throws std::invalid_argument for a group without parameters as well.
  explicit Coupled(const std::vector<ParamGroup<Options>>& groups) : Base(Derived::name, groups) { make_state(); }

 protected:
  static constexpr std::size_t slot_count() { return Derived::slots.size(); }
  std::span<Tensor> slots_of(std::size_t i) { return this->state(i * slot_count(), slot_count()); }

  void update() override {
    Tensor &d = this->state(slot_count() * this->parameters().size()),
           &r = this->state(slot_count() * this->parameters().size() + 1);
    const Options& first = this->groups()[0].options;
    DistanceNow now{0.0, d.item(), 0.0, this->steps() + 1};
    double gathered = 0.0, size = 0.0;
    for_each(now, [&](const Options& o, std::size_t i) {
      const auto [to_r, of_s] = Derived::gather(o, now, this->parameters()[i], slots_of(i));
      gathered += to_r;
      size += of_s;
    });
    for (std::size_t i = 0; i < this->parameters().size(); ++i)
      if (!this->parameters()[i].grad().defined()) size += detail::sum_of_sizes(slots_of(i)[0]);
    r.fill(Derived::keep(first) * r.item() + gathered);
    const double estimate = size == 0.0 ? now.d : Derived::estimate(first, r.item(), size);
    now.next_d = estimate <= now.d ? now.d : estimate;  // NaN as well
    for_each(now,
             [&](const Options& o, std::size_t i) { Derived::change(o, now, this->parameters()[i], slots_of(i)); });
    d.fill(now.next_d);
  }

 private:
  /// f of every parameter that has a gradient, with its group's q.
  template <class F>
  void for_each(DistanceNow& now, F f) {
    const auto t = static_cast<double>(now.t);
    for (const auto& group : this->groups()) {
      const Options& o = group.options;
      now.q =
          now.d * o.lr * this->lr_factor() * math::sqrt(1.0 - math::pow(o.beta2, t)) / (1.0 - math::pow(o.beta1, t));
      for (std::size_t i = group.begin; i < group.end; ++i)
        if (this->parameters()[i].grad().defined()) f(o, i);
    }
  }

  void make_state() {
    for (std::size_t i = 0; i < this->parameters().size(); ++i)
      for (std::size_t k = 0; k < slot_count(); ++k)
        if (Derived::starts_at_parameter(k))
          this->add_copy(i, Derived::slots[k]);
        else
          this->add_state(i, Derived::slots[k], zeros_like(this->parameters()[i].value()));
    this->add_state("d", scalar(this->groups()[0].options.d0, f64));
    this->add_state("r", scalar(0.0, f64));
  }
};

}  // namespace ravine::optim
