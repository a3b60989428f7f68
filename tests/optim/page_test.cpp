// docs/optimizers.md, made from what the headers say and what the optimizers do. After a change of either,
//
//     RAVINE_RENEW=1 build/release/tests/optim_test --test-case=page:*
//
// writes it anew.
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/optim.hpp>

namespace rv = ravine;
namespace optim = rv::optim;
namespace fs = std::filesystem;

namespace {

const std::string root = RAVINE_SOURCE "/";

/// What stands in front of a class.
struct Described {
  std::string header, base, formula, source;
};

std::string without(const std::string& line, const std::string& start) {
  return line.starts_with(start) ? line.substr(start.size()) : "";
}

/// A comment's indented lines and the paragraph that begins with "Source:".
Described read_comment(const std::vector<std::string>& lines) {
  Described found;
  bool source = false;
  for (const std::string& line : lines) {
    const std::string text = without(line, "/// ");
    if (text.starts_with("    ")) found.formula += text.substr(4) + '\n';
    if (text.starts_with("Source: ")) source = true;
    if (text.empty()) source = false;
    if (source) found.source += (found.source.empty() ? "" : " ") + (found.source.empty() ? text.substr(8) : text);
  }
  return found;
}

/// Every final class of the room's headers.
std::map<std::string, Described> classes() {
  const std::regex declaration(R"(^class (\w+) final : public (?:detail::)?(\w+)<.*)");
  std::map<std::string, Described> all;
  for (const auto& entry : fs::recursive_directory_iterator(root + "optim")) {
    if (entry.path().extension() != ".hpp") continue;
    std::ifstream header(entry.path());
    std::vector<std::string> comment;
    for (std::string line; std::getline(header, line);) {
      std::smatch match;
      if (line.starts_with("///")) {
        comment.push_back(line);
        continue;
      }
      if (std::regex_search(line, match, declaration)) {
        Described& found = all[match[1]] = read_comment(comment);
        found.header = fs::relative(entry.path(), root).string();
        found.base = match[2];
      }
      comment.clear();
    }
  }
  return all;
}

std::string lower_case(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(c));
  return text;
}

std::string class_of(const optim::Optimizer& optimizer) {
  const std::string text = optimizer.describe();
  return text.substr(0, text.find('('));
}

/// What the elements of a step's update depend on.
std::string kind_of(const Described& c) {
  if (c.base == "Elementwise" || c.base == "ScheduleFree") return "each element by itself";
  if (c.base == "Wrapping") return "around another optimizer";
  if (c.base == "Coupled" || c.header == "optim/lbfgs.hpp") return "all parameters together";
  return "each parameter as a whole";
}

/// "m, v: 2 numbers for each weight of a matrix (30, 20)", and what is kept beside.
std::string state_of(const optim::Optimizer& optimizer) {
  std::string slots, own;
  double numbers = 0.0;
  for (const auto& [key, value] : optimizer.state_dict()) {
    if (key.starts_with("0.")) {
      slots += (slots.empty() ? "`" : ", `") + key.substr(2) + '`';
      numbers += static_cast<double>(value.numel()) / 600.0;
    } else if (!key.starts_with("group.") && !key.starts_with("base.") && key != "steps" && key != "lr_factor") {
      own += (own.empty() ? "`" : ", `") + key + '`';
    }
  }
  std::ostringstream text;
  text.precision(3);
  text << (slots.empty() ? "none" : slots + ": ");
  if (!slots.empty()) text << numbers << (numbers == 1.0 ? " number" : " numbers") << " for a weight";
  if (!own.empty()) text << "; of all parameters " << own;
  return text.str();
}

/// Gradient evaluations in a step, over 20 of them.
std::string cost_of(const std::string& name) {
  const std::vector<rv::Variable> p = {rv::parameter(rv::full({3, 2}, 0.5, rv::f64))};
  const auto optimizer = optim::make(name, p);
  for (int t = 0; t < 20; ++t) optimizer->step([&] { return rv::sum(rv::square(p[0])) + rv::square(rv::sum(p[0])); });
  if (name == "lbfgs") return "as many as its line searches take";
  std::ostringstream text;
  text << static_cast<double>(optimizer->evaluations()) / 20.0;
  return text.str();
}

/// The options that choose a form: those of words.
std::string forms_of(const optim::Signature& signature) {
  std::string all;
  for (const optim::OptionSignature& option : signature.options)
    if (option.range.find(", ") != std::string::npos && option.range.find("in ") != 0 &&
        option.name.find('.') == std::string::npos)
      all += (all.empty() ? "`" : "; `") + option.name + "` " + option.range;
  return all;
}

void write_entry(std::ostream& page, const std::string& name, const Described& c, const std::string& class_name) {
  const optim::Signature signature = optim::signature(name);
  const auto optimizer = optim::make(name, {rv::parameter(rv::zeros({30, 20}))});
  page << "\n### " << class_name << "\n\n`" << name << "`, " << kind_of(c) << ", [" << c.header << "](../" << c.header
       << ")\n\n```text\n"
       << c.formula << "```\n\n| option | default | range |\n|---|---|---|\n";
  for (const optim::OptionSignature& option : signature.options)
    page << "| `" << option.name << "` | " << option.value << " | " << option.range << " |\n";
  const std::string forms = forms_of(signature);
  if (!forms.empty()) page << "\n- forms: " << forms;
  page << "\n- state: " << state_of(*optimizer) << "\n- gradients in an update: " << cost_of(name);
  if (!optimizer->averages().empty())
    page << "\n- evaluated at: its averages, by `UseAverages` and by `fit`, whose best model has them; without a best "
            "one a run of `fit` ends at the parameters";
  page << "\n- source: " << c.source << "\n";
}

std::string page() {
  const std::map<std::string, Described> all = classes();
  std::map<std::string, std::string> sections;  // of the kinds, in order of their names
  std::ostringstream index;
  for (const std::string& name : optim::names()) {
    const std::string class_name = class_of(*optim::make(name, {rv::parameter(rv::zeros({1}))}));
    const auto found = all.find(class_name);
    if (found == all.end()) continue;  // another test's own
    std::ostringstream entry;
    write_entry(entry, name, found->second, class_name);
    sections[kind_of(found->second)] += entry.str();
    index << "| [" << class_name << "](#" << lower_case(class_name) << ") | `" << name << "` | "
          << kind_of(found->second) << " |\n";
  }
  std::ostringstream page;
  page << "# Optimizers\n\nMade by `tests/optim/page_test.cpp` from the headers and from the optimizers themselves. θ "
          "are "
          "parameters, g their gradients, α the\nrate in force, `lr` times the schedule's factor; λ is `weight_decay`, "
          "t = 1, "
          "2, … counts updates. A name in text goes to `optim::make`, as\nin `adam:lr=0.01`, with options behind it; "
          "of those "
          "that may be absent, `none`; a list is `0-0.9-0.99`. State is counted for a matrix (30, 20).\n\n"
          "| class | in text | its update looks at |\n|---|---|---|\n"
       << index.str();
  for (const auto& [kind, entries] : sections) page << "\n## Those that look at " << kind << "\n" << entries;
  std::string text = page.str();
  const std::string around = "## Those that look at around";
  const std::size_t at = text.find(around);
  if (at != std::string::npos) text.replace(at, around.size(), "## Those around");
  return text;
}

}  // namespace

TEST_CASE("page: docs/optimizers.md is what headers and optimizers say") {
  const std::string file = root + "docs/optimizers.md", now = page();
  if (std::getenv("RAVINE_RENEW")) std::ofstream(file) << now;
  std::ifstream in(file);
  const std::string there{std::istreambuf_iterator<char>(in), {}};
  CHECK_MESSAGE(there == now, "renew it, as the first lines of tests/optim/page_test.cpp say");
  for (const auto& entry : classes()) {
    CAPTURE(entry.first);
    CHECK(!entry.second.source.empty());
    CHECK(!entry.second.formula.empty());
    CHECK(now.find("\n### " + entry.first + "\n") != std::string::npos);
  }
}
