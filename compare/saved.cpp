#include <ravine/compare/saved.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iterator>
#include <map>
#include <string_view>
#include <tuple>

#include <ravine/compare/setup.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/input_file.hpp>

namespace ravine::compare {
namespace {

using detail::text;
using Losses = std::array<double, target_count>;

/// Goes through the fields of a CSV file, behind its header.
class Fields {
 public:
  explicit Fields(const std::string& path)
      : path_(path), bytes_(detail::InputFile(path).read_all()), rest_(bytes_.view()) {
    rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
    if (rest_.empty()) damaged();
    rest_.remove_prefix(1);
  }

  bool more() const { return !rest_.empty(); }

  std::string words() {
    std::string field;
    std::size_t i = 0;
    for (bool quoted = false; i < rest_.size() && (quoted || (rest_[i] != ',' && rest_[i] != '\n')); ++i) {
      if (rest_[i] != '"')
        field += rest_[i];
      else if (quoted && rest_.substr(i + 1).starts_with('"'))
        field += rest_[i++];
      else
        quoted = !quoted;
    }
    if (i == rest_.size()) damaged();
    rest_.remove_prefix(i + 1);
    return field;
  }

  template <class Number>
  Number number(Number if_empty) {
    const std::string field = words();
    if (field.empty()) return if_empty;
    Number value{};
    const char* const end = field.data() + field.size();
    if (const auto [stop, error] = std::from_chars(field.data(), end, value); error != std::errc() || stop != end)
      damaged();
    return value;
  }
  Index count() { return number<Index>(-1); }
  double loss() { return number(Run::none); }

  /// The one of these that has the name that comes next.
  template <class Named>
  Named one_of(std::initializer_list<Named> all) {
    const std::string field = words();
    const auto found = std::find_if(all.begin(), all.end(), [&](Named one) { return name(one) == field; });
    if (found == all.end()) damaged();
    return *found;
  }

  [[noreturn]] void damaged() const {
    const std::string_view all = bytes_.view(), before = all.substr(0, all.size() - rest_.size());
    throw data::FormatError(text("compare: ", path_, ", line ", std::count(before.begin(), before.end(), '\n') + 1,
                                 ": the file is damaged; make the comparison anew, in another folder"));
  }

 private:
  std::string path_;
  detail::FileBytes bytes_;
  std::string_view rest_;
};

auto phase(Fields& fields) { return fields.one_of({Phase::tune, Phase::defaults, Phase::final}); }

/// The losses of a problem whose minimum is not known as they were reached: what all its targets come from again.
std::vector<Improvement> improvements(const Run& run, const Losses& targets) {
  std::vector<Improvement> all;
  for (std::size_t k = 0; k < target_count; ++k)
    if (const Index evaluations = run.evaluations_to_target[k]; evaluations != Run::never)
      all.push_back({evaluations, targets[k]});
  return all;
}

std::vector<Run> read_runs(const std::string& path, const std::map<std::string, Losses>& targets) {
  std::vector<Run> runs;
  for (Fields fields(path); fields.more();) {
    Run r;
    r.problem = fields.words(), r.method = fields.words(), r.phase = phase(fields), r.trial = fields.count();
    r.seed = fields.number<std::uint64_t>(0);
    r.options = fields.words();
    r.status = fields.one_of({Status::reached, Status::budget, Status::stopped, Status::diverged});
    r.steps = fields.count(), r.evaluations = fields.count();
    r.start_loss = fields.loss(), r.final_loss = fields.loss(), r.best_loss = fields.loss();
    r.test_loss = fields.loss();
    r.diverged_at = fields.count();
    r.reason = fields.words();
    for (Index& evaluations : r.evaluations_to_target) evaluations = fields.count();
    if (const auto known = targets.find(r.problem); known != targets.end())
      r.improvements = improvements(r, known->second);
    runs.push_back(std::move(r));
  }
  return runs;
}

/// Both files have the runs' order.
void add_curves(std::vector<Run>& runs, const std::string& path) {
  auto run = runs.begin();
  for (Fields fields(path); fields.more();) {
    const std::tuple key{fields.words(), fields.words(), phase(fields), fields.number<std::uint64_t>(0)};
    run = std::find_if(run, runs.end(),
                       [&](const Run& r) { return std::tie(r.problem, r.method, r.phase, r.seed) == key; });
    if (run == runs.end()) fields.damaged();
    run->curve.push_back({fields.count(), fields.count(), fields.loss(), fields.loss(), fields.loss(), fields.loss()});
  }
}

void add_timings(std::vector<Run>& runs, const std::string& path) {
  Fields fields(path);
  for (Run& run : runs) {
    for (int i = 0; i < 5; ++i) fields.words();  // which run it is
    run.seconds = fields.loss();
    run.step_seconds = fields.loss() * static_cast<double>(run.steps);
  }
}

std::map<std::string, Losses> targets_of(const Json& saved, const std::vector<Problem>& problems) {
  std::map<std::string, Losses> targets;
  for (std::size_t i = 0; i < problems.size(); ++i)
    if (!problems[i].minimum)
      for (std::size_t k = 0; k < target_count; ++k) {
        const Json& loss = saved.at("problems").at(i).at("targets").at(k);
        targets[problems[i].name][k] = loss.is_null() ? Run::none : loss.get<double>();
      }
  return targets;
}

}  // namespace

bool is_saved(const std::string& folder) {
  return std::filesystem::exists(results_file(folder)) && !std::filesystem::exists(journal_file(folder));
}

Results read_saved(const std::string& folder, const std::vector<Problem>& problems, const std::vector<Method>& methods,
                   const Protocol& protocol) try {
  const auto in_folder = [&](const char* file) { return (std::filesystem::path(folder) / file).string(); };
  const detail::FileBytes json = detail::InputFile(results_file(folder)).read_all();
  const Json saved = Json::parse(json.view());
  check_same(setup_json(problems, methods, protocol), saved, results_file(folder));
  for (const char* file : {"runs.csv", "curves.csv"})
    if (checksum(detail::InputFile(in_folder(file)).read_all().view()) != saved.at("checksums").at(file))
      throw data::FormatError(text("compare: ", in_folder(file), " was changed after the comparison was finished; ",
                                   "make it anew, in another folder"));
  std::vector<Run> runs = read_runs(in_folder("runs.csv"), targets_of(saved, problems));
  add_curves(runs, in_folder("curves.csv"));
  add_timings(runs, in_folder("timings.csv"));
  return Results(problems, methods, protocol, std::move(runs));
} catch (const nlohmann::json::exception&) {
  throw data::FormatError(text("compare: ", results_file(folder), " is no results.json of a comparison"));
}

}  // namespace ravine::compare
