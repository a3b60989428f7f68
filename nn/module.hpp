/// @file
/// Modules: the parts of a model, with named parameters, buffers and children.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/function_ref.hpp>
#include <ravine/core/state_dict.hpp>

namespace ravine::nn {

/// The base of every layer and model: a handle to shared state.
///
/// A subclass overrides `forward` and registers, in its constructor, what belongs to it; members are ordinary objects:
///
///     class Scaled final : public nn::Module {
///      public:
///       Scaled() : in_(4, 1), scale_(register_parameter("scale", ones({1}))) { register_module("in", in_); }
///       Variable forward(const Variable& x) override { return scale_ * in_(x); }
///
///      private:
///       nn::Linear in_;
///       Variable scale_;
///     };
///
/// A copy is the same module: parameters, buffers, children and the training flag are shared; `clone` makes another
/// one. There is no assignment, which would part a member from what is registered.
class Module {
 public:
  using NamedVariables = std::vector<std::pair<std::string, Variable>>;
  using Children = std::vector<std::pair<std::string, std::shared_ptr<Module>>>;

  virtual ~Module();
  Module& operator=(const Module&) = delete;

  virtual Variable forward(const Variable& x) = 0;
  /// forward(x), within the module's place in the model: DetectAnomaly names it, and `summary` sees the result.
  Variable operator()(Variable x);

  /// The module in one line, as in "Linear(8, 4)"; by default the class's name and "()".
  virtual std::string describe() const;

  /// Parameters by their paths, as in "in.weight": a module's own in the order of registration, then its children's.
  /// One that is registered in several places is listed once, where it is met first; the same holds for buffers.
  NamedVariables named_parameters() const;
  NamedVariables named_buffers() const;
  std::vector<Variable> parameters() const;
  const Children& children() const;

  /// Sets the training flag here and in all children: dropout and batch normalization look at it. It starts as true.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const;

  void zero_grad();
  /// Converts parameters and floating buffers to f32 or f64. Throws DTypeError for another type.
  void to(DType dtype);

  /// A copy of all parameters and buffers, by their paths.
  StateDict state_dict() const;
  /// Writes the values into the parameters and buffers. Throws std::invalid_argument, and changes nothing, unless
  /// names, shapes and types are exactly those of `state_dict()`; but for the number of batches that PyTorch counts
  /// beside a running mean ("num_batches_tracked"), which may be there. Weights of the other precision are for the
  /// caller to convert, by Tensor::to, or the module's `to`: rounded unasked, they would no longer be what was saved.
  void load_state_dict(const StateDict& state);

  /// Equal for the copies of a module, and for nothing else.
  const void* identity() const { return state_.get(); }

 protected:
  Module();
  Module(const Module& other);

  /// A trained tensor. A constant becomes a new parameter; a parameter stays itself, so that two modules can share one.
  /// A name is not empty, has no dot and is new in this module, or std::invalid_argument.
  Variable register_parameter(const std::string& name, const Variable& value);
  /// A tensor that is saved, loaded and converted with the parameters but not trained. The handle stays valid:
  /// set_value replaces it.
  Variable register_buffer(const std::string& name, Tensor value);
  /// A part of this module. Throws std::invalid_argument if the part contains this module.
  template <class M>
  void register_module(const std::string& name, const M& module) {
    static_assert(std::is_base_of_v<Module, M> && !std::is_abstract_v<M>, "register a module by its own type");
    add_child(name, module, typeid(M), [](const Module& m) -> Module* { return new M(static_cast<const M&>(m)); });
  }

  /// What `operator()` calls. If nobody else holds x, ops that take a Variable by value work in its memory: forward it
  /// with std::move.
  virtual Variable forward_temporary(Variable&& x) { return forward(x); }

 private:
  struct State;
  struct Twins;
  using Copy = Module* (*)(const Module&);  // by new
  template <class M>
  friend M clone(const M& module);

  void add_child(const std::string& name, const Module& module, const std::type_info& type, Copy copy);
  /// While the result lives, copies of modules made on this thread are modules of their own.
  static std::shared_ptr<void> make_twins(const Module& module, const std::type_info& type);
  Variable call_watched(Variable x);

  std::shared_ptr<State> state_;
};

/// Another module with the same values: its parameters, buffers and children are its own, and keep their names and
/// flags; gradients are not copied. What is shared within the module is shared within the clone. Of other members it is
/// a copy as the class's copy constructor makes it, so tensors that are not registered and what pointers lead to are
/// shared: a class that holds a part by a pointer needs a copy constructor that copies the part. Throws
/// std::invalid_argument if the module is more than an M.
///
///     auto best = clone(model);
template <class M>
M clone(const M& module) {
  static_assert(std::is_base_of_v<Module, M> && !std::is_abstract_v<M>, "clone a module by its own type");
  const auto twins = Module::make_twins(module, typeid(M));
  return M(module);
}

/// The module and all below it, an indented line each.
std::string to_string(const Module& module);
std::ostream& operator<<(std::ostream& out, const Module& module);

}  // namespace ravine::nn

namespace ravine::detail {

/// While one is set, it sees every module called on this thread, with the result.
using CallObserver = FunctionRef<void(const nn::Module&, const Variable&)>;
[[gnu::tls_model("initial-exec")]] extern constinit thread_local const CallObserver* call_observer;

}  // namespace ravine::detail
