#include "golden_optimizers.hpp"

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>

namespace golden {

namespace rv = ravine;
namespace optim = ravine::optim;

namespace {

using Owned = std::unique_ptr<optim::Optimizer>;

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

/// The options of Adam in the files, as those of the first of Adam, AdamW and AdaBelief that has them, whose name this
/// returns.
std::string choose_adam(Json& o) {
  const bool belief = o.at("variance") == "belief", belief_eps = o.at("belief_eps");
  const std::string decay = o.at("decay");
  if (decay == "none" && o.at("weight_decay") != 0.0) throw std::runtime_error("adam: weight_decay without decay");
  if (belief_eps && !belief) throw NotExpressible("adam with belief_eps and variance=raw");
  if (belief && decay == "l2") throw NotExpressible("adam with variance=belief and decay=l2");
  for (const char* ours : {"variance", "belief_eps", "decay"}) o.erase(ours);
  const bool decoupled = decay.starts_with("decoupled");
  if (belief || decoupled) o["decay"] = decay == "decoupled" ? "plain" : "times_lr";
  if (belief) o["eps_in_variance"] = belief_eps;
  return belief ? "adabelief" : decoupled ? "adamw" : "adam";
}

std::string value_text(const Json& value) {
  if (value.is_null()) return "none";
  if (value == "decoupled_lr") return "times_lr";
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string list;
  for (const Json& x : value) list += (list.empty() ? "" : "-") + x.dump();
  return list;
}

/// A case's optimizer and options by the library's names, for optim::make.
std::string text_of(const Json& one_case) {
  std::string text = one_case.at("optimizer");
  Json options = one_case.at("options");
  options.erase("initial_velocity");
  if (text == "factored_adam") options.erase("shape");  // the case's own shape
  if (text == "adam") text = choose_adam(options);
  if (text == "adagrad") options["eps"] = options.at("delta"), options.erase("delta");
  if (options.contains("base")) {
    text += '(' + text_of({{"optimizer", options.at("base")}, {"options", options.at("base_options")}}) + ')';
    for (const char* base : {"base", "base_options"}) options.erase(base);
  }
  char separator = ':';
  for (const auto& [name, value] : options.items()) {
    if (value.is_object()) {
      for (const auto& [inside, number] : value.items()) text += separator + name + '.' + inside + '=' + number.dump();
    } else {
      text += separator + name + '=' + value_text(value);
    }
    separator = ',';
  }
  return text;
}

/// Throws std::runtime_error for an option that the text leaves to its default.
void check_all_given(const std::string& text, const optim::Optimizer& optimizer) {
  for (const auto& [key, value] : optimizer.state_dict()) {
    const std::size_t group = key.find("group.0.");
    if (group == std::string::npos) continue;
    const std::string option = key.substr(group + 8) + '=';
    if (option.find('.') != std::string::npos || option == "vectors=")
      continue;  // the words of AdamW that files leave out
    if (text.find(':' + option) == std::string::npos && text.find(',' + option) == std::string::npos)
      throw std::runtime_error(text + " without the option " + key.substr(group + 8));
  }
}

Owned make_by_name(const Json& one_case, const Params& params) {
  const std::string text = text_of(one_case);
  Owned made;
  try {
    made = optim::make(text, params);
  } catch (const std::invalid_argument& e) {
    throw Unknown(e.what());
  }
  check_all_given(text, *made);
  const Json velocity = one_case.at("options").value("initial_velocity", Json());
  if (!velocity.is_null()) set_velocity(*made, velocity);
  return made;
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

/// With the case's own vectors z, which no text can name.
template <class O>
Owned make_with_diagonal(const Json& given, const Params& params) {
  auto o = rv::detail::visit_options(O::name, decltype(rv::detail::options_of(static_cast<O*>(nullptr)))(),
                                     [&](const auto& field) -> rv::detail::OptionValue {
                                       const Json value = given.value(field.name, Json(field.value[0]));
                                       return {value.is_boolean() ? value.get<bool>() : value.get<double>()};
                                     });
  std::vector<std::vector<std::vector<double>>> z;  // of each update, of each sample
  if (given.at("diag") != "exact") given.at("z").get_to(z);
  const auto self = std::make_shared<const optim::Optimizer*>();
  o.diagonal = [z, self](const Params& of, const Params& gradients) {
    const auto t = static_cast<std::size_t>((*self)->steps());
    return hessian_diagonal(z.empty() ? std::vector<std::vector<double>>() : z.at(t % z.size()), of, gradients);
  };
  auto made = std::make_unique<O>(params, o);
  *self = made.get();
  return made;
}

}  // namespace

Owned make_optimizer(const Json& one_case, const Params& params) {
  const Json &name = one_case.at("optimizer"), &options = one_case.at("options");
  if (name == "adahessian") return make_with_diagonal<optim::AdaHessian>(options, params);
  if (name == "sophia") return make_with_diagonal<optim::Sophia>(options, params);
  return make_by_name(one_case, params);
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
