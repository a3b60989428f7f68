#include <ravine/core/state_dict.hpp>

#include <ravine/core/text.hpp>

namespace ravine {
namespace {

/// The names that `of` has and `without` lacks, after `what`: "missing a, b"; nothing if there are none.
std::string names_only_in(const StateDict& of, const StateDict& without, const char* what) {
  std::string out;
  for (const auto& [name, tensor] : of)
    if (!without.contains(name)) out += (out.empty() ? what : ", ") + name;
  return out;
}

}  // namespace

void check_state_dict(const char* op, const StateDict& expected, const StateDict& given) {
  std::string problems, hint;
  const auto add = [&](const std::string& problem) {
    if (!problem.empty()) problems += (problems.empty() ? "" : "; ") + problem;
  };
  add(names_only_in(expected, given, "missing "));
  add(names_only_in(given, expected, "unexpected "));
  for (const auto& [name, want] : expected) {
    const auto found = given.find(name);
    if (found == given.end()) continue;
    const Tensor& got = found->second;
    if (got.shape() != want.shape()) add(detail::text(name, " is ", got.shape(), ", expected ", want.shape()));
    if (is_floating(got.dtype()) && is_floating(want.dtype()) && got.dtype() != want.dtype())
      hint = detail::text(" (.to(", want.dtype(), ") converts)");
    if (got.dtype() != want.dtype()) add(detail::text(name, " is ", got.dtype(), ", expected ", want.dtype()));
  }
  if (!problems.empty()) throw std::invalid_argument(detail::text(op, ": ", problems, hint));
}

void add_part(StateDict& all, const std::string& prefix, const StateDict& part) {
  for (const auto& [name, value] : part) all[prefix + name] = value;
}

StateDict part(const StateDict& all, const std::string& prefix) {
  StateDict result;
  for (auto entry = all.lower_bound(prefix); entry != all.end() && entry->first.starts_with(prefix); ++entry)
    result.emplace(entry->first.substr(prefix.size()), entry->second);
  return result;
}

}  // namespace ravine
