/// @file
/// Options of optimizers: plain structs that name each field once, with its range.
///
///     struct DescentOptions {
///       double lr = 0.01;
///       bool signs_only = false;
///
///       static void fields(auto&& field) {
///         field("lr", &DescentOptions::lr, positive);
///         field("signs_only", &DescentOptions::signs_only);
///       }
///     };
///
/// Refusals, describe(), text (see make.hpp) and checkpoints come from this. A field is
///
///     a number          field("lr", &Options::lr, positive)                     0.001
///     a bool            field("nesterov", &Options::nesterov)                   true
///     an enumeration    field("form", &Options::form, {"sum", "rms"})           sum; counts from 0
///     one of these that may be absent, a std::optional of a number              none, or the number
///     a list            a std::vector of numbers, each in the range             0-0.9-0.99
///     options inside    field("vectors", &Options::vectors, {"none", "adamw"})  none, or adamw and vectors.lr=0.001, …
///
/// the last a std::optional of a struct with fields of its own. An option is held as its numbers: a bool and an
/// enumerator by its number, what is absent by none (in a checkpoint: NaN), options inside each by itself. Options that
/// exclude each other are told by a member `const char* conflict() const`: what is wrong, or null.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <ravine/core/dtype.hpp>
#include <ravine/core/function_ref.hpp>

namespace ravine::optim {

/// The numbers that an option may be. Never NaN.
struct Range {
  double low, high;
  bool with_low, with_high;  ///< whether the ends belong to it
  const char* text;          ///< for a refusal: "must be …"

  bool contains(double x) const {
    return (x > low || (with_low && x == low)) && (x < high || (with_high && x == high));
  }
};

inline constexpr Range positive{0.0, std::numeric_limits<double>::infinity(), false, false, "> 0"};
inline constexpr Range non_negative{0.0, std::numeric_limits<double>::infinity(), true, false, ">= 0"};
inline constexpr Range below_one{0.0, 1.0, true, false, "in [0, 1)"};
inline constexpr Range inside_one{0.0, 1.0, false, false, "in (0, 1)"};
inline constexpr Range up_to_one{0.0, 1.0, true, true, "in [0, 1]"};
inline constexpr Range above_zero_to_one{0.0, 1.0, false, true, "in (0, 1]"};
inline constexpr Range norm_order{1.0, std::numeric_limits<double>::infinity(), true, true, ">= 1"};
inline constexpr Range above_one{1.0, std::numeric_limits<double>::infinity(), false, false, "> 1"};
inline constexpr Range at_least_one{1.0, std::numeric_limits<double>::infinity(), true, false, ">= 1"};

}  // namespace ravine::optim

namespace ravine::detail {

/// The numbers an option has: one, or none if it is absent, or those of a list.
using OptionValue = std::vector<double>;

/// An option, whatever its type.
struct OptionField {
  enum Kind { single, optional, list };

  std::string name;
  OptionValue value;
  const optim::Range* range;           // of a number
  std::span<const char* const> names;  // of the values of a bool or an enumeration
  bool integral;
  Kind kind = single;
};

/// Looks at an option and returns the value it is to have.
using OptionVisitor = FunctionRef<OptionValue(const OptionField&)>;

[[noreturn]] void refuse_options(const char* optimizer, const char* conflict);
/// "lr=0.001", "form=velocity", "betas=0-0.9".
std::string describe_option(const OptionField& field);

template <class Options>
concept HasFields = requires {
  Options::fields([](auto&&...) {});
};

template <class Options>
void visit_fields(const char* optimizer, Options& options, OptionVisitor visit, const std::string& prefix = {});

/// What `visit` makes of a field. Throws std::invalid_argument, naming the optimizer and the field, if it may not be.
OptionValue visit_option(const char* optimizer, OptionField field, OptionVisitor visit);

/// Fields of options, whatever the struct: what visitors of different options share.
struct FieldReader {
  const char* optimizer;
  OptionVisitor visit;
  const std::string& prefix;  // of options inside others, as in "vectors.lr"

  double number(const char* name, double present, const optim::Range& range, bool integral) const;
  double choice(const char* name, double present, std::span<const char* const> names) const;
  OptionValue numbers(const char* name, OptionValue present, const optim::Range& range, bool integral,
                      OptionField::Kind kind) const;
};

/// What `fields` calls for each field.
template <class Options>
struct FieldVisitor : FieldReader {
  Options& options;

  template <class T>
  requires std::is_arithmetic_v<T>
  void operator()(const char* name, T Options::*member, const optim::Range& range) const {
    options.*member = static_cast<T>(number(name, static_cast<double>(options.*member), range, std::is_integral_v<T>));
  }
  template <class T>
  void operator()(const char* name, std::optional<T> Options::*member, const optim::Range& range) const {
    const OptionValue present = options.*member ? OptionValue{static_cast<double>(*(options.*member))} : OptionValue();
    const OptionValue value = numbers(name, present, range, std::is_integral_v<T>, OptionField::optional);
    options.*member = value.empty() ? std::nullopt : std::optional<T>(static_cast<T>(value[0]));
  }
  template <class T>
  void operator()(const char* name, std::vector<T> Options::*member, const optim::Range& range) const {
    const OptionValue value = numbers(name, {(options.*member).begin(), (options.*member).end()}, range,
                                      std::is_integral_v<T>, OptionField::list);
    (options.*member).clear();
    for (const double x : value) (options.*member).push_back(static_cast<T>(x));
  }
  void operator()(const char* name, bool Options::*member) const {
    static constexpr const char* names[] = {"false", "true"};
    options.*member = choice(name, static_cast<double>(options.*member), names) != 0.0;
  }
  template <class T, std::size_t n>
  requires std::is_enum_v<T>
  void operator()(const char* name, T Options::*member, const char* const (&names)[n]) const {
    options.*member = static_cast<T>(static_cast<int>(choice(name, static_cast<double>(options.*member), names)));
  }
  template <HasFields T>
  void operator()(const char* name, std::optional<T> Options::*member, const char* const (&names)[2]) const {
    std::optional<T>& inside = options.*member;
    if (choice(name, inside ? 1.0 : 0.0, names) == 0.0) return inside.reset();
    if (!inside) inside.emplace();
    visit_fields(optimizer, *inside, visit, prefix + name + '.');
  }
};

template <class Options>
void visit_fields(const char* optimizer, Options& options, OptionVisitor visit, const std::string& prefix) {
  Options::fields(FieldVisitor<Options>{{optimizer, visit, prefix}, options});
  if constexpr (requires { options.conflict(); })
    if (const char* conflict = options.conflict()) refuse_options(optimizer, conflict);
}

/// The options that `visit` makes of these. Throws std::invalid_argument for a value out of its range and for values
/// that exclude each other.
template <class Options>
Options visit_options(const char* optimizer, Options options, OptionVisitor visit) {
  visit_fields(optimizer, options, visit);
  return options;
}

/// Sees the names of fields.
struct NameVisitor {
  std::vector<std::string>& names;
  std::string prefix{};

  void operator()(const char* name, const auto& /*member*/) const { names.push_back(prefix + name); }
  void operator()(const char* name, const auto& /*member*/, const optim::Range& /*range*/) const {
    names.push_back(prefix + name);
  }
  template <std::size_t n>
  void operator()(const char* name, const auto& /*member*/, const char* const (&)[n]) const {
    names.push_back(prefix + name);
  }
  template <class Options, HasFields T>
  void operator()(const char* name, std::optional<T> Options::* /*member*/, const char* const (&)[2]) const {
    names.push_back(prefix + name);
    T::fields(NameVisitor{names, prefix + name + '.'});
  }
};

template <class Options>
std::vector<std::string> option_names() {
  std::vector<std::string> names;
  Options::fields(NameVisitor{names});
  return names;
}

}  // namespace ravine::detail
