/// @file
/// Optimizers from text, as somebody types them who runs a program.
#pragma once

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include <ravine/optim/groups.hpp>

namespace ravine::detail {

/// What an optimizer is made from.
struct Ingredients {
  const char* name;
  std::vector<Variable> parameters;
  std::unique_ptr<optim::Optimizer> inner;  // of one that wraps another, in place of parameters
};

/// How an optimizer is made from its options' names and values.
struct OptimizerMaker {
  std::vector<std::string> (*option_names)();
  std::unique_ptr<optim::Optimizer> (*make)(Ingredients from, OptionVisitor visit);
  bool wraps;
};

template <class Options>
Options options_of(const optim::Grouped<Options>*);

template <class O>
OptimizerMaker optimizer_maker() {
  using Options = decltype(options_of(static_cast<const O*>(nullptr)));
  constexpr bool wraps = std::is_constructible_v<O, std::unique_ptr<optim::Optimizer>, Options>;
  const auto make = [](Ingredients from, OptionVisitor visit) -> std::unique_ptr<optim::Optimizer> {
    Options options = visit_options(from.name, Options(), visit);
    if constexpr (wraps)
      return std::make_unique<O>(std::move(from.inner), std::move(options));
    else
      return std::make_unique<O>(std::move(from.parameters), std::move(options));
  };
  return {option_names<Options>, make, wraps};
}

void register_optimizer(const std::string& name, const OptimizerMaker& maker);

}  // namespace ravine::detail

namespace ravine::optim {

/// An optimizer from its name and options: "adam", "adamw:lr=3e-3,decay=plain", "sgd:momentum=0.9,nesterov=lookahead".
/// What wraps another takes it in brackets: "sam(adam:lr=0.01):rho=0.1"; "sam" alone wraps "sgd".
///   text    a name, then a colon and options, separated by commas: those of the class's options, numbers as 0.01, 1e-3
///           or inf, bools as true or false, enumerators by their names, lists as 0-0.9-0.99, what is absent as none,
///           options inside others as vectors.lr=0.01; what is left out has its default
///   throws  std::invalid_argument for another name or option, with those there are, for a value that the option may
///           not have, and as the optimizer itself
std::unique_ptr<Optimizer> make(const std::string& text, const std::vector<Variable>& parameters);

/// The names that `make` knows, sorted.
std::vector<std::string> names();

/// An option as `make` takes it.
struct OptionSignature {
  std::string name;
  std::string range;  ///< "> 0", "in [0, 1)"; of words, those there are: "none, lookahead, reparam"
  std::string value;  ///< where it is left out
};

/// What `make` takes behind a name.
struct Signature {
  std::vector<OptionSignature> options;
  bool wraps;  ///< another optimizer, in brackets
};

/// Throws std::invalid_argument for another name, with those there are.
Signature signature(const std::string& name);

/// From now on `make` knows O, an optimizer of Elementwise or Grouped, by this name, on all threads:
///
///     optim::register_optimizer<Momentum>("momentum");
///
/// One that is made from a std::unique_ptr<Optimizer> in place of parameters wraps another. Throws
/// std::invalid_argument for a name that is taken or has other characters than letters, digits and '_'.
template <class O>
void register_optimizer(const std::string& name) {
  detail::register_optimizer(name, detail::optimizer_maker<O>());
}

}  // namespace ravine::optim
