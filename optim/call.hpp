/// @file
/// Reading "name(inner):option=value,…"; for the library's sources, not its public headers.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ravine/optim/options.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// "a, b, c".
std::string join(const std::vector<std::string>& names);

/// Such a text, taken apart.
struct Call {
  std::string name;
  std::optional<std::string> inner;
  std::vector<std::pair<std::string, std::string>> options;

  /// The value of an option, or null.
  const std::string* find(const std::string& option) const;
};

/// Throws std::invalid_argument, naming `op`, for a text of another form.
Call parse_call(const char* op, const std::string& given);

/// Throws std::invalid_argument, with the names there are, for an option of another name.
void check_names(const Call& call, const std::vector<std::string>& names);
/// The numbers that the call gives an option: its value if the call does not name it. Throws std::invalid_argument for
/// what is no number, or none of the option's words, and for nothing where the value is NaN or an empty list.
OptionValue given_value(const Call& call, const OptionField& field);

/// `options` with what the call gives. Throws std::invalid_argument for options of other names (but for those that the
/// caller has read itself) and refused values.
template <class Options>
Options given_options(const Call& call, Options options, std::vector<std::string> names = {}) {
  for (std::string& name : option_names<Options>()) names.push_back(std::move(name));
  check_names(call, names);
  return visit_options(call.name.c_str(), std::move(options),
                       [&](const auto& field) { return given_value(call, field); });
}

}  // namespace ravine::detail
#pragma GCC visibility pop
