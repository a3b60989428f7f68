#include "golden_optimizers.hpp"

#include <algorithm>
#include <limits>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>

namespace golden {

namespace rv = ravine;
namespace optim = ravine::optim;

namespace {

using Owned = std::unique_ptr<optim::Optimizer>;

/// Options by name; each must be asked for.
class Options {
 public:
  explicit Options(const Json& one_case)
      : optimizer_(one_case.at("optimizer").get<std::string>()), options_(one_case.at("options")) {}

  const Json& take(const char* name) {
    taken_.emplace_back(name);
    if (!options_.contains(name)) throw std::runtime_error(optimizer_ + " without the option " + name);
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
    std::vector<std::string> known;
    for (const auto& [word, meaning] : words) {
      if (given == word) {
        value = meaning;
        return;
      }
      known.emplace_back(word);
    }
    throw Unknown(name, given.dump(), known);
  }
  void check_all_taken() const {
    for (const auto& [name, value] : options_.items())
      if (std::find(taken_.begin(), taken_.end(), name) == taken_.end())
        throw Unknown("option of " + optimizer_, name, taken_);
  }

 private:
  std::string optimizer_;
  const Json& options_;
  std::vector<std::string> taken_;
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

Owned make_sgd(Options options, const Params& params) {
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
  return sgd;
}

/// Adam, AdamW or AdaBelief: the first that has these options.
Owned make_adam(Options options, const Params& params) {
  optim::AdamOptions o;
  options.take("lr", o.lr);
  options.take("beta1", o.beta1);
  options.take("beta2", o.beta2);
  options.take("eps", o.eps);
  options.take("eps_inside", o.eps_inside);
  options.take("bias_correction", o.bias_correction);
  options.take("weight_decay", o.weight_decay);
  bool belief = false, belief_eps = false;
  enum { none, l2, plain, times_lr } decay = none;
  options.take("variance", belief, {{"raw", false}, {"belief", true}});
  options.take("belief_eps", belief_eps);
  options.take("decay", decay, {{"none", none}, {"l2", l2}, {"decoupled", plain}, {"decoupled_lr", times_lr}});
  options.check_all_taken();
  if (decay == none && o.weight_decay != 0.0) throw std::runtime_error("adam: weight_decay without decay");
  if (belief_eps && !belief) throw NotExpressible("adam with belief_eps and variance=raw");
  if (belief && decay == l2) throw NotExpressible("adam with variance=belief and decay=l2");
  const optim::Decay decoupled = decay == plain ? optim::Decay::plain : optim::Decay::times_lr;
  if (belief)
    return std::make_unique<optim::AdaBelief>(params, optim::AdaBeliefOptions{.lr = o.lr,
                                                                              .beta1 = o.beta1,
                                                                              .beta2 = o.beta2,
                                                                              .eps = o.eps,
                                                                              .eps_in_variance = belief_eps,
                                                                              .weight_decay = o.weight_decay,
                                                                              .decay = decoupled,
                                                                              .eps_inside = o.eps_inside,
                                                                              .bias_correction = o.bias_correction});
  if (decay == plain || decay == times_lr)
    return std::make_unique<optim::AdamW>(params, optim::AdamWOptions{.lr = o.lr,
                                                                      .beta1 = o.beta1,
                                                                      .beta2 = o.beta2,
                                                                      .eps = o.eps,
                                                                      .weight_decay = o.weight_decay,
                                                                      .decay = decoupled,
                                                                      .eps_inside = o.eps_inside,
                                                                      .bias_correction = o.bias_correction});
  return std::make_unique<optim::Adam>(params, o);
}

Owned make_nadam(Options options, const Params& params) {
  optim::NAdamOptions o;
  options.take("lr", o.lr);
  options.take("beta1", o.beta1);
  options.take("beta2", o.beta2);
  options.take("eps", o.eps);
  options.take("momentum_decay", o.momentum_decay);
  options.take("weight_decay", o.weight_decay);
  options.check_all_taken();
  return std::make_unique<optim::NAdam>(params, o);
}

Owned make_lion(Options options, const Params& params) {
  optim::LionOptions o;
  options.take("lr", o.lr);
  options.take("beta1", o.beta1);
  options.take("beta2", o.beta2);
  options.take("weight_decay", o.weight_decay);
  options.check_all_taken();
  return std::make_unique<optim::Lion>(params, o);
}

Owned make_adagrad(Options options, const Params& params) {
  optim::AdaGradOptions o;
  options.take("lr", o.lr);
  options.take("delta", o.eps);
  options.take("form", o.form, {{"sum", optim::AdaGradForm::sum}, {"rms", optim::AdaGradForm::rms}});
  options.take("initial_accumulator", o.initial_accumulator);
  options.take("weight_decay", o.weight_decay);
  options.check_all_taken();
  return std::make_unique<optim::AdaGrad>(params, o);
}

Owned make_rmsprop(Options options, const Params& params) {
  using optim::RMSPropInit;
  optim::RMSPropOptions o;
  options.take("lr", o.lr);
  options.take("rho", o.rho);
  options.take("eps", o.eps);
  options.take("eps_inside", o.eps_inside);
  options.take("init", o.init, {{"zero", RMSPropInit::zero}, {"first_gradient", RMSPropInit::first_gradient}});
  options.take("weight_decay", o.weight_decay);
  options.check_all_taken();
  return std::make_unique<optim::RMSProp>(params, o);
}

Owned make_adadelta(Options options, const Params& params) {
  optim::AdaDeltaOptions o;
  options.take("lr", o.lr);
  options.take("rho", o.rho);
  options.take("eps", o.eps);
  options.take("weight_decay", o.weight_decay);
  options.check_all_taken();
  return std::make_unique<optim::AdaDelta>(params, o);
}

Owned make_factored_adam(Options options, const Params& params) {
  optim::FactoredAdamOptions o;
  options.take("lr", o.lr);
  options.take("beta2", o.beta2);
  options.take("eps", o.eps);
  options.take("shape");  // the case's own shape
  options.check_all_taken();
  return std::make_unique<optim::FactoredAdam>(params, o);
}

/// A flat vector, cut to the parameters' shapes.
std::vector<rv::Tensor> cut(const std::vector<double>& flat, const Params& params) {
  std::vector<rv::Tensor> parts;
  auto next = flat.begin();
  for (const rv::Variable& p : params) {
    parts.push_back(rv::tensor(std::vector<double>(next, next + p.numel()), p.shape(), p.dtype()));
    next += p.numel();
  }
  return parts;
}

/// z ⊙ (H z) for the vectors given for update t, averaged; or, for want of them, all of diag(H).
std::vector<rv::Tensor> hessian_diagonal(const std::vector<std::vector<double>>& z, const Params& params,
                                         const Params& gradients) {
  std::vector<rv::Tensor> diagonal;
  for (const rv::Variable& p : params) diagonal.push_back(rv::zeros_like(p.value()));
  const auto product = [&](const std::vector<rv::Tensor>& v) {  // H v
    rv::Variable along = rv::scalar(0.0, params[0].dtype());
    for (std::size_t i = 0; i < params.size(); ++i) along = along + rv::sum(gradients[i] * v[i]);
    return rv::grad(along, params, {.retain_graph = true, .allow_unused = true});
  };
  const auto add = [&](const std::vector<rv::Tensor>& v, double weight) {
    const Params Hv = product(v);
    for (std::size_t i = 0; i < params.size(); ++i)
      if (Hv[i].defined()) diagonal[i] = diagonal[i] + v[i] * Hv[i].value() * weight;
  };
  for (const std::vector<double>& sample : z) add(cut(sample, params), 1.0 / static_cast<double>(z.size()));
  if (!z.empty()) return diagonal;
  std::size_t n = 0;
  for (const rv::Variable& p : params) n += static_cast<std::size_t>(p.numel());
  for (std::size_t k = 0; k < n; ++k) {
    std::vector<double> unit(n, 0.0);
    unit[k] = 1.0;
    add(cut(unit, params), 1.0);
  }
  return diagonal;
}

Owned make_adahessian(Options options, const Params& params) {
  optim::AdaHessianOptions o;
  options.take("lr", o.lr);
  options.take("beta1", o.beta1);
  options.take("beta2", o.beta2);
  options.take("eps", o.eps);
  options.take("power", o.power);
  options.take("block", o.block);
  options.take("weight_decay", o.weight_decay);
  bool exact = false;
  options.take("diag", exact, {{"exact", true}, {"hutchinson", false}});
  std::vector<std::vector<std::vector<double>>> z;  // of each update, of each sample
  const Json& given = options.take("z");
  if (!exact) given.get_to(z);
  options.check_all_taken();
  const auto self = std::make_shared<const optim::Optimizer*>();
  o.diagonal = [z, self](const Params& of, const Params& gradients) {
    const auto t = static_cast<std::size_t>((*self)->steps());
    return hessian_diagonal(z.empty() ? std::vector<std::vector<double>>() : z.at(t % z.size()), of, gradients);
  };
  auto made = std::make_unique<optim::AdaHessian>(params, o);
  *self = made.get();
  return made;
}

Owned make_sam(Options options, const Params& params) {
  optim::SAMOptions o;
  options.take("rho", o.rho);
  const Json& p = options.take("p");
  o.p = p == "inf" ? std::numeric_limits<double>::infinity() : p.get<double>();
  const Json base = {{"optimizer", options.take("base")}, {"options", options.take("base_options")}};
  options.check_all_taken();
  return std::make_unique<optim::SAM>(make_optimizer(base, params), o);
}

}  // namespace

Owned make_optimizer(const Json& one_case, const Params& params) {
  constexpr std::pair<const char*, Owned (*)(Options, const Params&)> makers[] = {{"sgd", make_sgd},
                                                                                  {"adagrad", make_adagrad},
                                                                                  {"rmsprop", make_rmsprop},
                                                                                  {"adadelta", make_adadelta},
                                                                                  {"adam", make_adam},
                                                                                  {"nadam", make_nadam},
                                                                                  {"lion", make_lion},
                                                                                  {"adahessian", make_adahessian},
                                                                                  {"factored_adam", make_factored_adam},
                                                                                  {"sam", make_sam}};
  const auto optimizer = one_case.at("optimizer").get<std::string>();
  std::vector<std::string> known;
  for (const auto& [name, make] : makers) {
    if (optimizer == name) return make(Options(one_case), params);
    known.emplace_back(name);
  }
  throw Unknown("optimizer", optimizer, known);
}

double lr_factor(const Json& schedule, double base, rv::Index update) {
  const auto kind = schedule.at("kind").get<std::string>();
  const auto number = [&](const char* name) { return schedule.at(name).get<double>(); };
  const auto count = [&](const char* name) { return schedule.at(name).get<rv::Index>(); };
  const auto last = [&] { return number("min") / base; };
  const auto make = [&]() -> optim::Schedule {
    if (kind == "constant") return optim::constant();
    if (kind == "step") return optim::step_decay({.every = count("every"), .gamma = number("gamma")});
    if (kind == "multistep")
      return optim::multi_step(
          {.milestones = schedule.at("milestones").get<std::vector<rv::Index>>(), .gamma = number("gamma")});
    if (kind == "exponential") return optim::exponential(number("gamma"));
    if (kind == "cosine") return optim::cosine({.total_steps = count("total"), .final_factor = last()});
    if (kind == "linear_warmup") return optim::warmup(count("warmup"));
    if (kind == "warmup_cosine")
      return optim::warmup(count("warmup"),
                           optim::cosine({.total_steps = count("total") - count("warmup"), .final_factor = last()}));
    if (kind == "inv_sqrt") return optim::inverse_sqrt();
    if (kind == "inv_time") return optim::inverse_time(number("decay"));
    if (kind == "polynomial")
      return optim::polynomial({.total_steps = count("total"), .power = number("power"), .final_factor = last()});
    throw Unknown("schedule", kind,
                  {"constant", "step", "multistep", "exponential", "cosine", "linear_warmup", "warmup_cosine",
                   "inv_sqrt", "inv_time", "polynomial"});
  };
  return make()(update);
}

rv::Variable regularizer(const Json& regularizer, const rv::Variable& theta) {
  const auto kind = regularizer.at("kind").get<std::string>();
  const auto lambda = regularizer.at("lam").get<double>();
  const rv::Variable l2 = rv::sum(rv::square(theta)), l1 = rv::sum(rv::abs(theta));
  if (kind == "half_l2") return (0.5 * lambda) * l2;
  if (kind == "l2") return lambda * l2;
  if (kind == "l1") return lambda * l1;
  if (kind != "elastic") throw Unknown("regularizer", kind, {"half_l2", "l2", "l1", "elastic"});
  const auto ratio = regularizer.at("l1_ratio").get<double>();
  return lambda * (ratio * l1 + (0.5 * (1.0 - ratio)) * l2);
}

void clip(const Json& clipping, const Params& params) {
  const auto limit = clipping.at("limit").get<double>();
  const auto kind = clipping.at("kind").get<std::string>();
  if (kind == "value") return optim::clip_grad_value(params, limit);
  if (kind != "norm") throw Unknown("clipping", kind, {"value", "norm"});
  optim::clip_grad_norm(params, limit);
}

}  // namespace golden
