#include <ravine/optim/make.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/call.hpp>
#include <ravine/optim/others.hpp>
#include <ravine/optim/rules.hpp>

namespace ravine::detail {
namespace {

using Makers = std::map<std::string, OptimizerMaker>;

std::string lower_case(std::string name) {
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return name;
}

/// The name in text: the class's own in small letters, unless it says another one.
template <class O>
std::string key_of() {
  if constexpr (requires { O::key; }) return O::key;
  return lower_case(O::name);
}

template <class... O, class... Other>
Makers built_in(OptimizerList<O...> /*list*/, OptimizerList<Other...> /*others*/) {
  return {{key_of<O>(), optimizer_maker<O>()}..., {key_of<Other>(), optimizer_maker<Other>()}...};
}

/// The makers by name, for one thread at a time.
struct Registry {
  std::mutex mutex;
  Makers makers = built_in(Rules(), Others());
};

Registry& registry() {
  static Registry all;
  return all;
}

OptimizerMaker find(const std::string& name) {
  {
    const std::lock_guard lock(registry().mutex);
    const auto found = registry().makers.find(name);
    if (found != registry().makers.end()) return found->second;
  }
  throw std::invalid_argument(text("make: no optimizer '", name, "', there are: ", join(optim::names())));
}

}  // namespace

void register_optimizer(const std::string& name, const OptimizerMaker& maker) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), allowed))
    throw std::invalid_argument(text("register_optimizer: a name has letters, digits and '_', got '", name, "'"));
  const std::lock_guard lock(registry().mutex);
  if (!registry().makers.emplace(name, maker).second)
    throw std::invalid_argument(text("register_optimizer: there is an optimizer '", name, "' already"));
}

}  // namespace ravine::detail

namespace ravine::optim {

std::vector<std::string> names() {
  const std::lock_guard lock(detail::registry().mutex);
  std::vector<std::string> all;
  for (const auto& [name, maker] : detail::registry().makers) all.push_back(name);
  return all;
}

Signature signature(const std::string& name) {
  const detail::OptimizerMaker maker = detail::find(name);
  Signature all{{}, maker.wraps};
  detail::Ingredients from{name.c_str(), {parameter(zeros({1}))}, nullptr};
  if (maker.wraps) from.inner = make("sgd", from.parameters);
  maker.make(std::move(from), [&](const detail::OptionField& field) {
    const std::string words = detail::join({field.names.begin(), field.names.end()});
    const std::string value = detail::describe_option(field).substr(std::string_view(field.name).size() + 1);
    all.options.push_back({field.name, field.range ? field.range->text : words, value});
    return field.value;
  });
  return all;
}

std::unique_ptr<Optimizer> make(const std::string& text, const std::vector<Variable>& parameters) {
  const detail::Call call = detail::parse_call("make", text);
  const detail::OptimizerMaker maker = detail::find(call.name);
  if (call.inner && !maker.wraps)
    throw std::invalid_argument(detail::text("make: nothing goes into ", call.name, ", got '", text, "'"));
  detail::check_names(call, maker.option_names());
  detail::Ingredients from{call.name.c_str(), {}, nullptr};
  if (maker.wraps)
    from.inner = make(call.inner.value_or("sgd"), parameters);
  else
    from.parameters = parameters;
  std::vector<std::string> seen;
  auto made = maker.make(std::move(from), [&](const auto& field) {
    seen.push_back(field.name);
    return detail::given_value(call, field);
  });
  for (const auto& [name, value] : call.options)
    if (std::find(seen.begin(), seen.end(), name) == seen.end())
      throw std::invalid_argument(detail::text(call.name, ": ", name, "=", value, " is inside of what is none"));
  return made;
}

}  // namespace ravine::optim
