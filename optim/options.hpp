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
/// Refusals, describe() and checkpoints come from this. A field is a number with a range, a bool, or an enumeration
/// that counts from 0, with the names of its values: `field("form", &Options::form, {"sum", "rms"})`. Options that
/// exclude each other are told by a member `const char* conflict() const`: what is wrong, or null.
#pragma once

#include <limits>
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
inline constexpr Range norm_order{1.0, std::numeric_limits<double>::infinity(), true, true, ">= 1"};
inline constexpr Range at_least_one{1.0, std::numeric_limits<double>::infinity(), true, false, ">= 1"};

}  // namespace ravine::optim

namespace ravine::detail {

/// An option, whatever its type.
struct OptionField {
  const char* name;
  double value;                        // of a bool or an enumerator its number
  const optim::Range* range;           // of a number
  std::span<const char* const> names;  // of the values of a bool or an enumeration
  bool integral;
};

/// Looks at an option and returns the value it is to have.
using OptionVisitor = FunctionRef<double(const OptionField&)>;

/// What `visit` makes of a field. Throws std::invalid_argument, naming the optimizer and the field, if it may not be.
double visit_option(const char* optimizer, OptionField field, OptionVisitor visit);
[[noreturn]] void refuse_options(const char* optimizer, const char* conflict);
/// "lr=0.001", "form=velocity".
std::string describe_option(const OptionField& field);

/// What `fields` calls for each field.
template <class Options>
struct FieldVisitor {
  const char* optimizer;
  Options& options;
  OptionVisitor visit;

  template <class T>
  requires std::is_arithmetic_v<T>
  void operator()(const char* name, T Options::*member, const optim::Range& range) const {
    set(member, {name, static_cast<double>(options.*member), &range, {}, std::is_integral_v<T>});
  }
  void operator()(const char* name, bool Options::*member) const {
    static constexpr const char* names[] = {"false", "true"};
    set(member, {name, static_cast<double>(options.*member), nullptr, names, true});
  }
  template <class T, std::size_t n>
  requires std::is_enum_v<T>
  void operator()(const char* name, T Options::*member, const char* const (&names)[n]) const {
    set(member, {name, static_cast<double>(options.*member), nullptr, names, true});
  }

 private:
  template <class T>
  void set(T Options::*member, const OptionField& field) const {
    const double value = visit_option(optimizer, field, visit);
    if constexpr (std::is_enum_v<T>)
      options.*member = static_cast<T>(static_cast<int>(value));
    else
      options.*member = static_cast<T>(value);
  }
};

/// The options that `visit` makes of these. Throws std::invalid_argument for a value out of its range and for values
/// that exclude each other.
template <class Options>
Options visit_options(const char* optimizer, Options options, OptionVisitor visit) {
  Options::fields(FieldVisitor<Options>{optimizer, options, visit});
  if constexpr (requires { options.conflict(); })
    if (const char* conflict = options.conflict()) refuse_options(optimizer, conflict);
  return options;
}

/// Sees the names of fields.
struct NameVisitor {
  std::vector<std::string>& names;

  void operator()(const char* name, const auto& /*member*/) const { names.emplace_back(name); }
  void operator()(const char* name, const auto& /*member*/, const optim::Range& /*range*/) const {
    names.emplace_back(name);
  }
  template <std::size_t n>
  void operator()(const char* name, const auto& /*member*/, const char* const (&)[n]) const {
    names.emplace_back(name);
  }
};

template <class Options>
std::vector<std::string> option_names() {
  std::vector<std::string> names;
  Options::fields(NameVisitor{names});
  return names;
}

}  // namespace ravine::detail
