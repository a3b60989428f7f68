#include <ravine/optim/call.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include <ravine/core/text.hpp>

namespace ravine::detail {
namespace {

/// The place of the bracket that closes the one at `open`, or npos.
std::size_t closing(const std::string& given, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < given.size(); ++i) {
    depth += given[i] == '(' ? 1 : given[i] == ')' ? -1 : 0;
    if (depth == 0) return i;
  }
  return std::string::npos;
}

/// Adds "a=1,b=2" to the call's options. Throws std::invalid_argument: what is wrong.
void add_options(Call& call, const std::string& list) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    const std::string option = list.substr(begin, end - begin);
    const std::size_t equals = option.find('=');
    if (equals == 0 || equals == std::string::npos)
      throw std::invalid_argument(text("expected option=value, got '", option, "'"));
    std::string name = option.substr(0, equals);
    if (call.find(name)) throw std::invalid_argument(text("'", name, "' is given twice"));
    call.options.emplace_back(std::move(name), option.substr(equals + 1));
    begin = end + 1;
  }
}

Call parse(const std::string& given) {
  std::size_t at = std::min(given.find_first_of("(:"), given.size());
  Call call{given.substr(0, at), {}, {}};
  if (at < given.size() && given[at] == '(') {
    const std::size_t close = closing(given, at);
    if (close == std::string::npos) throw std::invalid_argument("a ')' is missing");
    call.inner = given.substr(at + 1, close - at - 1);
    at = close + 1;
  }
  if (at == given.size()) return call;
  if (given[at] != ':') throw std::invalid_argument(text("expected ':' before '", given.substr(at), "'"));
  add_options(call, given.substr(at + 1));
  return call;
}

}  // namespace

std::string join(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

const std::string* Call::find(const std::string& option) const {
  for (const auto& [name, value] : options)
    if (name == option) return &value;
  return nullptr;
}

Call parse_call(const char* op, const std::string& given) {
  try {
    return parse(given);
  } catch (const std::invalid_argument& wrong) {
    throw std::invalid_argument(text(op, ": '", given, "': ", wrong.what()));
  }
}

void check_names(const Call& call, const std::vector<std::string>& names) {
  for (const auto& [name, value] : call.options)
    if (std::find(names.begin(), names.end(), name) == names.end())
      throw std::invalid_argument(
          text(call.name, ": no option '", name, "', there are", names.empty() ? " none" : ": " + join(names)));
}

namespace {

/// "0-0.9-0.99" as 0, 0.9, 0.99; nothing of another text.
std::optional<OptionValue> numbers(const std::string& list) {
  OptionValue all;
  for (const char *at = list.data(), *end = at + list.size();; ++at) {
    const auto [stop, error] = std::from_chars(at, end, all.emplace_back());
    if (error != std::errc() || (stop != end && *stop != '-')) return {};
    if (stop == end) return all;
    at = stop;
  }
}

}  // namespace

OptionValue given_value(const Call& call, const OptionField& field) {
  const std::string* given = call.find(field.name);
  const bool empty = field.kind == OptionField::list && field.value.empty();
  if (!given && (empty || (field.value.size() == 1 && std::isnan(field.value[0]))))
    throw std::invalid_argument(text(call.name, ": ", field.name, " must be given"));
  if (!given) return field.value;
  const auto refuse = [&](const std::string& need) {
    throw std::invalid_argument(text(call.name, ": ", field.name, " must be ", need, ", got '", *given, "'"));
  };
  if (field.kind == OptionField::optional && *given == "none") return {};
  if (field.range) {
    const std::optional<OptionValue> all = numbers(*given);
    if (field.kind == OptionField::list && !all) refuse("numbers, as in 100-200");
    if (field.kind != OptionField::list && (!all || all->size() != 1))
      refuse(field.kind == OptionField::optional ? "a number or none" : "a number");
    return *all;
  }
  const auto word = std::find(field.names.begin(), field.names.end(), *given);
  if (word == field.names.end()) refuse(text("one of ", join({field.names.begin(), field.names.end()})));
  return {static_cast<double>(word - field.names.begin())};
}

}  // namespace ravine::detail
