#include <ravine/compare/method.hpp>

#include <charconv>
#include <cmath>
#include <map>
#include <stdexcept>

#include <ravine/compare/options.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/optim/call.hpp>
#include <ravine/optim/make.hpp>
#include <ravine/optim/schedule.hpp>

namespace ravine::detail {
namespace {

constexpr const char* of_base = "base.";  // what is wrapped, as in SAM's state

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string written(const Call& call) {
  std::string all = call.name;
  if (call.inner) all += "(" + *call.inner + ")";
  for (std::size_t i = 0; i < call.options.size(); ++i)
    all += (i == 0 ? ":" : ",") + call.options[i].first + "=" + call.options[i].second;
  return all;
}

std::string with_option(const std::string& optimizer, const std::string& option, const std::string& value) {
  Call call = parse_call("compare", optimizer);
  if (option.starts_with(of_base))
    call.inner = with_option(call.inner.value_or("sgd"), option.substr(std::string_view(of_base).size()), value);
  else
    call.options.emplace_back(option, value);
  return written(call);
}

}  // namespace

MethodParts method_parts(const std::string& method) {
  int depth = 0;
  for (std::size_t i = 0; i + 1 < method.size(); ++i) {
    depth += method[i] == '(' ? 1 : method[i] == ')' ? -1 : 0;
    if (method[i] == '+' && depth == 0 && is_letter(method[i + 1]))  // not that of 1e+3
      return {method.substr(0, i), method.substr(i + 1)};
  }
  return {method, ""};
}

bool gives_option(const std::string& optimizer, const std::string& option) {
  const Call call = parse_call("compare", optimizer);
  if (option.starts_with(of_base))
    return call.inner && gives_option(*call.inner, option.substr(std::string_view(of_base).size()));
  return call.find(option) != nullptr;
}

std::string with_options(const std::string& method, const std::vector<std::pair<std::string, std::string>>& values) {
  auto [optimizer, schedule] = method_parts(method);
  for (const auto& [option, value] : values) optimizer = with_option(optimizer, option, value);
  return schedule.empty() ? optimizer : optimizer + "+" + schedule;
}

}  // namespace ravine::detail

namespace ravine::compare {
namespace {

/// Numbers that are roots of nothing in common: point k of a Halton sequence has in dimension i the digits of k + 1 to
/// the base primes[i], mirrored at the point.
constexpr Index primes[] = {2, 3, 5, 7, 11, 13, 17, 19, 23, 29};

double mirrored_digits(Index k, Index base) {
  double place = 1.0, sum = 0.0;
  for (; k > 0; k /= base) {
    place /= static_cast<double>(base);
    sum += place * static_cast<double>(k % base);
  }
  return sum;
}

std::string four_digits(double x) {
  char digits[32];
  return {digits, std::to_chars(digits, digits + sizeof digits, x, std::chars_format::general, 4).ptr};
}

void check(const Method& method, const SearchRange& range) {
  if (range.low <= range.high && std::isfinite(range.low) && std::isfinite(range.high) &&
      (range.low > 0.0 || !range.logarithmic))
    return;
  throw std::invalid_argument(detail::text("compare: ", method.name, ": the search range of ", range.option,
                                           " must ascend", range.logarithmic ? " from above 0" : "", ", got ",
                                           range.low, " to ", range.high));
}

/// The library's own: the rate over four decades about its use, and what else a method stands or falls with.
const std::map<std::string, std::vector<SearchRange>>& declared() {
  // clang-format off
  static const std::map<std::string, std::vector<SearchRange>> spaces{
      {"adadelta", {{"lr", 1e-1, 1e3}}},
      {"adagrad", {{"lr", 1e-3, 1e1}}},
      {"adahessian", {{"lr", 1e-3, 1e1}}},
      {"cautious_lion", {{"lr", 1e-5, 1e-1}}},
      {"dadapt_adam", {{"lr", 1e-1, 1e1}}},
      {"lars", {{"lr", 1e-3, 1e1}}},
      {"lbfgs", {{"lr", 1e-1, 1e1}}},
      {"lion", {{"lr", 1e-5, 1e-1}}},
      {"prodigy", {{"lr", 1e-1, 1e1}}},
      {"sam", {{"rho", 5e-3, 5e-1}}},
      {"schedule_free_sgd", {{"lr", 1e-3, 1e1}}},
      {"signsgd", {{"lr", 1e-5, 1e-1}}},
      {"signum", {{"lr", 1e-5, 1e-1}}},
  };
  // clang-format on
  return spaces;
}

}  // namespace

std::vector<SearchRange> search_space(const std::string& optimizer) {
  const detail::Call call = detail::parse_call("compare", optimizer);
  const optim::Signature signature = optim::signature(call.name);
  const auto found = declared().find(call.name);
  std::vector<SearchRange> space;
  if (signature.wraps)
    for (SearchRange range : search_space(call.inner.value_or("sgd"))) {
      range.option = "base." + range.option;
      space.push_back(range);
    }
  if (found != declared().end())
    space.insert(space.end(), found->second.begin(), found->second.end());
  else if (!signature.wraps)
    for (const optim::OptionSignature& option : signature.options)
      if (option.name == "lr") space.push_back({"lr", 1e-4, 1.0});
  return space;
}

Method method(const std::string& name) {
  auto [optimizer, schedule] = detail::method_parts(name);
  optim::make(optimizer, {parameter(zeros({1}))});
  if (!schedule.empty()) optim::make_schedule(schedule, 1000);
  Method made{name, name, {}};
  for (const SearchRange& range : search_space(optimizer))
    if (!detail::gives_option(optimizer, range.option)) made.space.push_back(range);
  detail::Call innermost = detail::parse_call("compare", optimizer);
  std::string option = "max_iterations";
  for (; innermost.inner; option = "base." + option)
    innermost = detail::parse_call("compare", std::string(*innermost.inner));
  if (innermost.name == "lbfgs" && !detail::gives_option(optimizer, option))
    made.options = detail::with_options(name, {{option, "1"}});
  return made;
}

std::vector<std::string> method_names() {
  std::vector<std::string> all = optim::names();
  for (const char* form : {"sgd:momentum=0.9", "sgd:momentum=0.9,nesterov=lookahead"}) all.emplace_back(form);
  return all;
}

std::string trial_options(const Method& method, Index trial) {
  std::vector<std::pair<std::string, std::string>> values;
  if (method.space.size() > std::size(primes))
    throw std::invalid_argument(detail::text("compare: at most ", std::size(primes), " options can be tuned, ",
                                             method.name, " has ", method.space.size()));
  for (std::size_t i = 0; i < method.space.size(); ++i) {
    check(method, method.space[i]);
    const auto& [option, low, high, logarithmic] = method.space[i];
    const double u = mirrored_digits(trial + 1, primes[i]);
    values.emplace_back(option, four_digits(logarithmic ? low * std::pow(high / low, u) : low + u * (high - low)));
  }
  return detail::with_options(method.options, values);
}

}  // namespace ravine::compare
