#include <ravine/nn/module.hpp>

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <set>

#include <ravine/autograd/anomaly.hpp>
#include <ravine/autograd/twins.hpp>
#include <ravine/core/text.hpp>

namespace ravine::detail {

constinit thread_local const CallObserver* call_observer = nullptr;

}  // namespace ravine::detail

namespace ravine::nn {

using detail::text;
using detail::thread_state;

struct [[gnu::visibility("hidden")]] Module::State {
  NamedVariables parameters, buffers;
  Children children;
  std::vector<Copy> copies;  // how to copy each of them
  std::string name;          // in the module it was registered in last
  bool training = true;

  /// Calls f here and then for everything below.
  template <class F>
  void each(const F& f) {
    f(*this);
    for (const auto& [name, child] : children) child->state_->each(f);
  }

  /// Adds the variables of one kind here and below that have not been seen; a path is empty or ends with a dot.
  void collect(NamedVariables State::*kind, const std::string& path, std::set<const void*>& seen, NamedVariables& out)
      const {
    for (const auto& [name, variable] : this->*kind)
      if (seen.insert(variable.node()).second) out.emplace_back(path + name, variable);
    for (const auto& [name, child] : children) child->state_->collect(kind, path + name + '.', seen, out);
  }
  NamedVariables collect(NamedVariables State::*kind) const {
    NamedVariables out;
    std::set<const void*> seen;
    collect(kind, "", seen, out);
    return out;
  }

  void check_name(const char* op, const std::string& name) const {
    const auto taken = [&](const auto& list) {
      return std::any_of(list.begin(), list.end(), [&](const auto& entry) { return entry.first == name; });
    };
    if (name.empty() || name.find('.') != std::string::npos)
      throw std::invalid_argument(text(op, ": a name must not be empty or hold a dot, got '", name, "'"));
    if (taken(parameters) || taken(buffers) || taken(children))
      throw std::invalid_argument(text(op, ": this module already has a '", name, "'"));
  }
};

/// The states of modules that are being cloned, each with that of its clone.
struct [[gnu::visibility("hidden")]] Module::Twins {
  [[gnu::tls_model("initial-exec")]] static constinit thread_local Twins* current;

  Twins* outer = std::exchange(current, this);
  detail::Twins variables;
  std::map<const State*, std::shared_ptr<State>> states;

  Twins() = default;
  ~Twins() { current = outer; }
  Twins(const Twins&) = delete;
  Twins& operator=(const Twins&) = delete;

  const std::shared_ptr<State>& of(State & original) {
    std::shared_ptr<State>& twin = states[&original];
    if (twin) return twin;
    twin = std::make_shared<State>();
    original.each([this](const State& part) {
      for (const auto& [name, variable] : part.parameters) variables.add(variable);
      for (const auto& [name, variable] : part.buffers) variables.add(variable);
    });
    // From here on copies of variables and modules are their twins.
    twin->parameters = original.parameters;
    twin->buffers = original.buffers;
    for (std::size_t i = 0; i < original.children.size(); ++i) {
      const auto& [name, child] = original.children[i];
      twin->children.emplace_back(name, std::shared_ptr<Module>(original.copies[i](*child)));
    }
    twin->copies = original.copies;
    twin->name = original.name;
    twin->training = original.training;
    return twin;
  }
};
constinit thread_local Module::Twins* Module::Twins::current = nullptr;

Module::Module() : state_(std::make_shared<State>()) {}

Module::~Module() = default;

Module::Module(const Module& other) : state_(Twins::current ? Twins::current->of(*other.state_) : other.state_) {}

std::shared_ptr<void> Module::make_twins(const Module& module, const std::type_info& type) {
  if (typeid(module) != type)
    throw std::invalid_argument(text("clone: this is more than the module it is passed as: ", module.describe()));
  auto twins = std::make_shared<Twins>();
  twins->of(*module.state_);
  return twins;
}

Variable Module::operator()(Variable x) {
  if (!thread_state.anomaly && !detail::call_observer) [[likely]]
    return forward_temporary(std::move(x));
  return call_watched(std::move(x));
}

Variable Module::call_watched(Variable x) {
  std::optional<detail::ModuleScope> scope;
  if (thread_state.anomaly && !state_->name.empty()) scope.emplace(state_->name);
  Variable y = forward_temporary(std::move(x));
  if (detail::call_observer) (*detail::call_observer)(*this, y);
  return y;
}

std::string Module::describe() const {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> readable(
      abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status), std::free);
  std::string name = readable ? readable.get() : typeid(*this).name();
  // Without the namespaces, but with those of a template's arguments.
  const auto scope = name.rfind("::", name.find('<'));
  if (scope != std::string::npos) name.erase(0, scope + 2);
  return name + "()";
}

Module::NamedVariables Module::named_parameters() const { return state_->collect(&State::parameters); }

Module::NamedVariables Module::named_buffers() const { return state_->collect(&State::buffers); }

std::vector<Variable> Module::parameters() const {
  std::vector<Variable> result;
  for (auto& [name, variable] : named_parameters()) result.push_back(std::move(variable));
  return result;
}

const Module::Children& Module::children() const { return state_->children; }

void Module::train(bool on) {
  state_->each([on](State& state) { state.training = on; });
}

bool Module::training() const { return state_->training; }

void Module::zero_grad() {
  state_->each([](State& state) {
    for (const auto& [name, parameter] : state.parameters) parameter.zero_grad();
  });
}

void Module::to(DType dtype) {
  if (!is_floating(dtype)) detail::refuse_dtype("Module::to", dtype);
  const auto convert = [dtype](const NamedVariables& variables) {
    for (const auto& [name, variable] : variables)
      if (is_floating(variable.dtype())) variable.set_value(variable.value().to(dtype));
  };
  convert(named_parameters());
  convert(named_buffers());
}

StateDict Module::state_dict() const {
  StateDict result;
  for (const auto& [name, parameter] : named_parameters()) result.emplace(name, parameter.value().clone());
  for (const auto& [name, buffer] : named_buffers()) result.emplace(name, buffer.value().clone());
  return result;
}

namespace {

/// Without what PyTorch saves of a batch normalization beside its running mean, unless the module has it as well.
StateDict without_batch_counts(StateDict state, const StateDict& own) {
  constexpr std::string_view count = "num_batches_tracked";
  std::erase_if(state, [&](const auto& entry) {
    const std::string& name = entry.first;
    return name.ends_with(count) && !own.contains(name) &&
           state.contains(name.substr(0, name.size() - count.size()) + "running_mean");
  });
  return state;
}

}  // namespace

void Module::load_state_dict(const StateDict& state) {
  StateDict own;
  for (const auto& [name, parameter] : named_parameters()) own.emplace(name, parameter.value());
  for (const auto& [name, buffer] : named_buffers()) own.emplace(name, buffer.value());
  check_state_dict("Module::load_state_dict", own, without_batch_counts(state, own));
  for (auto& [name, value] : own) value.copy_from(state.at(name));
}

Variable Module::register_parameter(const std::string& name, const Variable& value) {
  state_->check_name("register_parameter", name);
  if (!value.defined()) throw std::invalid_argument(text("register_parameter: '", name, "' is undefined"));
  if (!value.is_leaf())
    throw std::invalid_argument(text("register_parameter: '", name, "' is the result of an op, not a parameter"));
  const Variable result = value.node()->is_parameter ? value : parameter(value.value());
  state_->parameters.emplace_back(name, result);
  return result;
}

Variable Module::register_buffer(const std::string& name, Tensor value) {
  state_->check_name("register_buffer", name);
  const Variable result(std::move(value));
  state_->buffers.emplace_back(name, result);
  return result;
}

void Module::add_child(const std::string& name, const Module& module, const std::type_info& type, Copy copy) {
  state_->check_name("register_module", name);
  std::shared_ptr<Module> child(copy(module));
  if (typeid(module) != type)
    throw std::invalid_argument(text("register_module: '", name, "' is more than the ", child->describe(),
                                     " it is passed as; register it by its own type"));
  module.state_->each([&](const State& part) {
    if (&part == state_.get())
      throw std::invalid_argument(text("register_module: '", name, "' contains the module it is to be part of"));
  });
  module.state_->name = name;
  state_->children.emplace_back(name, std::move(child));
  state_->copies.push_back(copy);
}

namespace {

void write(std::string& out, const Module& module, const std::string& indent) {
  std::string line = module.describe();
  if (module.children().empty()) {
    out += line;
    return;
  }
  if (line.ends_with(')')) line.pop_back();
  out += line + "\n";
  for (const auto& [name, child] : module.children()) {
    out += indent + "  (" + name + "): ";
    write(out, *child, indent + "  ");
    out += "\n";
  }
  out += indent + ")";
}

}  // namespace

std::string to_string(const Module& module) {
  std::string out;
  write(out, module, "");
  return out;
}

std::ostream& operator<<(std::ostream& out, const Module& module) { return out << to_string(module); }

}  // namespace ravine::nn
