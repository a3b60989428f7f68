#include "golden_optimizers.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <stdexcept>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>

namespace golden {

namespace rv = ravine;
namespace optim = ravine::optim;

namespace {

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error("not known: " + what); }

/// Options by name; each must be asked for.
class Options {
 public:
  explicit Options(const Json& options) : options_(options) {
    for (const auto& [name, value] : options.items()) left_.insert(name);
  }
  const Json& take(const char* name) {
    left_.erase(name);
    return options_.at(name);
  }
  template <class T>
  void take(const char* name, T& value) {
    value = take(name).get<T>();
  }
  /// An option that says one of these words gets the value beside it.
  template <class T>
  void take(const char* name, T& value, std::initializer_list<std::pair<const char*, T>> words) {
    const Json& given = take(name);
    for (const auto& [word, meaning] : words)
      if (given == word) {
        value = meaning;
        return;
      }
    refuse(std::string(name) + " " + given.dump());
  }
  void check_all_taken() const {
    for (const std::string& name : left_) refuse("option " + name);
  }

 private:
  const Json& options_;
  std::set<std::string> left_;
};

/// Puts a flat velocity into the state, cut to the parameters' sizes.
void set_velocity(optim::Optimizer& optimizer, const Json& velocity) {
  rv::StateDict state = optimizer.state_dict();
  const std::vector<double> flat = numbers(velocity);
  auto next = flat.begin();
  for (std::size_t i = 0; i < optimizer.parameters().size(); ++i) {
    rv::Tensor& v = state.at(std::to_string(i) + ".momentum");
    const std::vector<double> part(next, next + v.numel());
    next += v.numel();
    v = rv::tensor(part, v.shape(), v.dtype());
  }
  optimizer.load_state_dict(state);
}

Made make_sgd(Options options, const Params& params) {
  using optim::MomentumForm, optim::Nesterov;
  optim::SGDOptions o;
  options.take("lr", o.lr);
  options.take("momentum", o.momentum);
  options.take("form", o.form, {{"accumulator", MomentumForm::accumulator}, {"velocity", MomentumForm::velocity}});
  options.take("nesterov", o.nesterov,
               {{"none", Nesterov::none}, {"lookahead", Nesterov::lookahead}, {"reparam", Nesterov::reparam}});
  options.take("dampening", o.dampening);
  options.take("weight_decay", o.weight_decay);
  const Json& velocity = options.take("initial_velocity");
  options.check_all_taken();
  auto sgd = std::make_unique<optim::SGD>(params, o);
  if (!velocity.is_null()) set_velocity(*sgd, velocity);
  return {std::move(sgd), ""};
}

Made make_adam(Options options, const Params& params) {
  optim::AdamOptions o;
  options.take("lr", o.lr);
  options.take("beta1", o.beta1);
  options.take("beta2", o.beta2);
  options.take("eps", o.eps);
  options.take("eps_inside", o.eps_inside);
  options.take("bias_correction", o.bias_correction);
  options.take("weight_decay", o.weight_decay);
  bool belief = false, belief_eps = false, decoupled = false;
  options.take("variance", belief, {{"raw", false}, {"belief", true}});
  options.take("belief_eps", belief_eps);
  options.take("decay", decoupled, {{"none", false}, {"l2", false}, {"decoupled", true}, {"decoupled_lr", true}});
  if (options.take("decay") == "none" && o.weight_decay != 0.0) refuse("weight_decay without decay");
  if (belief_eps && !belief) refuse("belief_eps without belief");
  options.check_all_taken();
  if (belief) return {nullptr, "adam with variance=belief (AdaBelief)"};
  if (decoupled) return {nullptr, "adam with decoupled decay (AdamW)"};
  return {std::make_unique<optim::Adam>(params, o), ""};
}

}  // namespace

Made make_optimizer(const Json& one_case, const Params& params) {
  const auto name = one_case.at("optimizer").get<std::string>();
  const Options options(one_case.at("options"));
  if (name == "sgd") return make_sgd(options, params);
  if (name == "adam") return make_adam(options, params);
  for (const char* later : {"adagrad", "rmsprop", "adadelta", "adahessian", "factored_adam", "sam"})
    if (name == later) return {nullptr, name};
  refuse("optimizer " + name);
}

double lr_factor(const Json& schedule, double base, rv::Index update) {
  const auto kind = schedule.at("kind").get<std::string>();
  const auto t = static_cast<double>(update);
  const auto number = [&](const char* name) { return schedule.at(name).get<double>(); };
  const auto between = [&](double fraction) {  // from the base rate to `min` as the fraction falls from 1 to 0
    const double last = number("min") / base;
    return last + (1.0 - last) * fraction;
  };
  const auto cosine = [&](double t, double total) {
    return between(0.5 * (1.0 + std::cos(std::numbers::pi * std::min(t, total) / total)));
  };
  if (kind == "constant") return 1.0;
  if (kind == "step") return std::pow(number("gamma"), std::floor(t / number("every")));
  if (kind == "multistep") {
    int passed = 0;
    for (const double milestone : numbers(schedule.at("milestones"))) passed += milestone <= t;
    return std::pow(number("gamma"), passed);
  }
  if (kind == "exponential") return std::pow(number("gamma"), t);
  if (kind == "cosine") return cosine(t, number("total"));
  if (kind == "linear_warmup") return std::min(1.0, (t + 1.0) / number("warmup"));
  if (kind == "warmup_cosine") {
    const double warmup = number("warmup");
    return t < warmup ? (t + 1.0) / warmup : cosine(t - warmup, number("total") - warmup);
  }
  if (kind == "inv_sqrt") return 1.0 / std::sqrt(t + 1.0);
  if (kind == "inv_time") return 1.0 / (1.0 + number("decay") * t);
  if (kind == "polynomial")
    return between(std::pow(1.0 - std::min(t, number("total")) / number("total"), number("power")));
  refuse("schedule " + kind);
}

rv::Variable regularizer(const Json& regularizer, const rv::Variable& theta) {
  const auto kind = regularizer.at("kind").get<std::string>();
  const auto lambda = regularizer.at("lam").get<double>();
  const rv::Variable l2 = rv::sum(rv::square(theta)), l1 = rv::sum(rv::abs(theta));
  if (kind == "half_l2") return (0.5 * lambda) * l2;
  if (kind == "l2") return lambda * l2;
  if (kind == "l1") return lambda * l1;
  if (kind != "elastic") refuse("regularizer " + kind);
  const auto ratio = regularizer.at("l1_ratio").get<double>();
  return lambda * (ratio * l1 + (0.5 * (1.0 - ratio)) * l2);
}

void clip(const Json& clipping, const Params& params) {
  const auto limit = clipping.at("limit").get<double>();
  if (clipping.at("kind") == "value") {
    for (const rv::Variable& p : params) p.set_grad(rv::clamp(p.grad(), -limit, limit));
    return;
  }
  if (clipping.at("kind") != "norm") refuse("clipping " + clipping.dump());
  double squares = 0.0;
  for (const rv::Variable& p : params) squares += rv::sum(rv::square(p.grad())).item();
  const double norm = std::sqrt(squares);
  if (norm <= limit) return;
  for (const rv::Variable& p : params) p.set_grad(p.grad() * (limit / norm));
}

}  // namespace golden
