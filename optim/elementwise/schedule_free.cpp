#include <ravine/optim/elementwise/schedule_free.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/core/elementwise.hpp>
#include <ravine/core/factories.hpp>

namespace ravine::optim {
namespace {

/// The rate of update t: alpha once it is warm.
template <class Options>
double rate_of(const Options& o, double alpha, Index t) {
  return alpha * std::min(1.0, static_cast<double>(t) / static_cast<double>(std::max<Index>(1, o.warmup_steps)));
}

/// c = w / W, with W and the largest rate brought up to date.
template <class Options>
double next_share(const Options& o, double rate, Index t, double& W, double& largest) {
  largest = std::max(largest, rate);
  const double w = std::pow(static_cast<double>(t), o.r) * std::pow(largest, o.weight_power);
  W += w;
  return W > 0.0 ? w / W : 1.0;
}

/// x, from what the parameters hold.
Tensor mean_of(const Tensor& y, const Tensor& z, double beta) {
  return where(eq(z, y), y, (y - z * (1.0 - beta)) / beta);
}

}  // namespace

}  // namespace ravine::optim

namespace ravine::detail {

template <class Derived, class Options>
ScheduleFree<Derived, Options>::ScheduleFree(std::vector<Variable> params, Options options)
    : optim::Elementwise<Derived, Options>(std::move(params), std::move(options)) {
  add_sums();
}

template <class Derived, class Options>
ScheduleFree<Derived, Options>::ScheduleFree(const std::vector<optim::ParamGroup<Options>>& groups)
    : optim::Elementwise<Derived, Options>(groups) {
  add_sums();
}

template <class Derived, class Options>
void ScheduleFree<Derived, Options>::add_sums() {
  for (const char* name : {"weights", "rates"})
    this->add_state(name, zeros({static_cast<Index>(this->groups().size())}, f64));
}

template <class Derived, class Options>
void ScheduleFree<Derived, Options>::update() {
  const std::size_t first = this->parameters().size() * this->slot_count();
  double *W = this->state(first).template raw<double>(), *largest = this->state(first + 1).template raw<double>();
  const Index t = this->steps() + 1;
  for (const auto& group : this->groups()) {
    const double rate = optim::rate_of(group.options, group.options.lr * this->lr_factor(), t);
    this->run(group, typename Derived::Rule(group.options, rate, t,
                                            optim::next_share(group.options, rate, t, *W++, *largest++)));
  }
}

template <class Derived, class Options>
std::vector<Tensor> ScheduleFree<Derived, Options>::averages() const {
  std::vector<Tensor> all;
  for (const auto& group : this->groups())
    for (std::size_t i = group.begin; i < group.end; ++i) {
      const Tensor& y = this->parameters()[i].value();
      const Tensor& z = this->state(i * this->slot_count());
      all.push_back(this->steps() > 0 ? optim::mean_of(y, z, Derived::beta(group.options)) : y);
    }
  return all;
}

template class ScheduleFree<optim::ScheduleFreeSGD, optim::ScheduleFreeSGDOptions>;
template class ScheduleFree<optim::ScheduleFreeAdamW, optim::ScheduleFreeAdamWOptions>;

}  // namespace ravine::detail
