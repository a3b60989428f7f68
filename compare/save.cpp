#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include <ravine/compare/options.hpp>
#include <ravine/compare/page.hpp>
#include <ravine/compare/results.hpp>
#include <ravine/compare/setup.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/input_file.hpp>
#include <ravine/optim/make.hpp>

namespace ravine::compare {
namespace {

using detail::csv_field;
using detail::digits17;
using detail::text;

/// A line of fields.
class Line {
 public:
  Line& add(const std::string& field) {
    line_ += (line_.empty() ? "" : ",") + field;
    return *this;
  }
  Line& words(const std::string& field) { return add(csv_field(field)); }
  Line& count(Index number) { return add(number < 0 ? "" : text(number)); }  // below 0: there is none
  Line& loss(double number) { return add(digits17(number)); }
  Line& known(double number) { return add(std::isnan(number) ? "" : digits17(number)); }
  Line& who(const Run& run) { return words(run.problem).words(run.method).add(name(run.phase)); }
  std::string end() const { return line_ + '\n'; }

 private:
  std::string line_;
};

std::string runs_csv(const std::vector<Run>& runs) {
  std::string all =
      "problem,method,phase,trial,seed,options,status,steps,evaluations,start_loss,final_loss,best_loss,test_loss,"
      "diverged_at,reason";
  for (std::size_t k = 0; k < target_count; ++k) all += text(",evaluations_to_target_", k < 10 ? "0" : "", k);
  all += '\n';
  for (const Run& run : runs) {
    Line line;
    line.who(run).count(run.trial).add(text(run.seed)).words(run.options).add(name(run.status));
    line.count(run.steps).count(run.evaluations).loss(run.start_loss).loss(run.final_loss).loss(run.best_loss);
    line.known(run.test_loss).count(run.diverged_at).words(run.reason);
    for (const Index evaluations : run.evaluations_to_target) line.count(evaluations);
    all += line.end();
  }
  return all;
}

std::string curves_csv(const std::vector<Run>& runs) {
  std::string all = "problem,method,phase,seed,step,evaluations,loss,test_loss,x,y\n";
  for (const Run& run : runs) {
    const std::string start = Line().who(run).add(text(run.seed)).end();
    for (const CurvePoint& p : run.curve) {
      Line line;
      line.add(start.substr(0, start.size() - 1)).count(p.step).count(p.evaluations).loss(p.loss);
      all += line.known(p.test_loss).known(p.x).known(p.y).end();
    }
  }
  return all;
}

std::string timings_csv(const std::vector<Run>& runs) {
  std::string all = "problem,method,phase,trial,seed,seconds,seconds_per_step\n";
  for (const Run& run : runs) {
    const double steps = static_cast<double>(std::max<Index>(run.steps, 1));
    Line line;
    line.who(run).count(run.trial).add(text(run.seed)).add(text(run.seconds)).add(text(run.step_seconds / steps));
    all += line.end();
  }
  return all;
}

Json problem_json(const Problem& problem, const Results& results) {
  constexpr const char* kinds[] = {"fractions", "falls", "losses"};
  const Targets& targets = results.targets(problem.name);
  const auto seed = results.protocol().scoring_seeds()[0];
  double start_loss = Run::none;
  for (const Run& run : results.runs())
    if (run.problem == problem.name && run.seed == seed) start_loss = run.start_loss;
  return {{"name", problem.name},
          {"checksum", checksum_json(problem)},
          {"start", problem.landscape ? Json(problem.landscape->start) : Json()},
          {"start_loss", start_loss},
          {"minimum", problem.minimum ? Json(*problem.minimum) : Json()},
          {"minima", problem.landscape ? Json(problem.landscape->minima) : Json()},
          {"guess", targets.guess},
          {"main_target", targets.main},
          {"targets_are", kinds[targets.kind]},
          {"targets_given", results.protocol().targets.contains(problem.name)},
          {"targets", targets.values}};
}

/// Adds to {"name", "search_space"} what the method is, what it tried, and what won.
void complete_method(Json& json, const Method& method, const Results& results) {
  const Protocol& protocol = results.protocol();
  const auto [optimizer, schedule] = detail::method_parts(method.options);
  json["options"] = method.options;
  json["describe"] = optim::make(optimizer, {parameter(zeros({1}))})->describe();
  json["schedule"] = schedule.empty() ? Json() : Json(schedule);
  json["trials"] = Json::array();
  for (Index k = 0; k < (method.space.empty() ? 0 : protocol.trials); ++k)
    json["trials"].push_back(trial_options(method, k));
  json["winners"] = Json::array();
  for (const Problem& problem : results.problems())
    if (const auto runs = results.runs(problem.name, method.name, Phase::final); !runs.empty())
      json["winners"].push_back({{"problem", problem.name},
                                 {"trial", runs[0].trial < 0 ? Json() : Json(runs[0].trial)},
                                 {"options", runs[0].options}});
}

Json quartiles_json(const Quartiles& q) {
  if (std::isnan(q.median)) return {};
  return {{"median", q.median}, {"q1", q.q1}, {"q3", q.q3}};
}

Json row_json(const Row& row) {
  return {{"problem", row.problem},
          {"method", row.method},
          {"phase", name(row.phase)},
          {"target", row.target},
          {"median_evaluations", row.median_evaluations},
          {"low", row.low},
          {"high", row.high},
          {"reached", row.reached},
          {"final_loss", quartiles_json(row.final_loss)},
          {"test_loss", quartiles_json(row.test_loss)},
          {"options", row.options},
          {"command", row.command}};
}

Json steps_json(const std::vector<Step>& steps) {
  Json list = Json::array();
  for (const Step& step : steps) list.push_back({step.x, step.y});
  return list;
}

/// The distribution at 20 numbers of evaluations for each decade, at the budget, and where a last step went beyond it.
std::vector<Step> thinned(const std::vector<Step>& steps, Index budget) {
  std::vector<Step> few;
  const auto add = [&](double x) {
    const auto behind = std::partition_point(steps.begin(), steps.end(), [&](const Step& s) { return s.x <= x; });
    few.push_back({x, behind == steps.begin() ? 0.0 : std::prev(behind)->y});
  };
  const double last = static_cast<double>(budget);
  for (int i = 0; std::pow(10.0, i / 20.0) < last; ++i) {
    const double x = std::round(std::pow(10.0, i / 20.0));
    if (x < last && (few.empty() || x > few.back().x)) add(x);
  }
  add(last);
  if (!steps.empty() && steps.back().x > last) add(steps.back().x);
  return few;
}

Json over_all_json(const Results& results) {
  Json list = Json::array();
  for (const Method& method : results.methods())
    for (const Phase phase : {Phase::final, Phase::defaults})
      if (phase == Phase::defaults || results.protocol().trials > 0)
        list.push_back({{"method", method.name},
                        {"phase", name(phase)},
                        {"ecdf", steps_json(thinned(results.ecdf(method.name, phase), results.protocol().budget))},
                        {"profile", steps_json(results.profile(method.name, phase))},
                        {"score_by_trials",
                         phase == Phase::final ? results.score_by_trials(method.name) : std::vector<double>()}});
  return list;
}

std::string results_json(const Results& results, const std::string& runs, const std::string& curves) {
  Json json{{"version", 1}, {"checksums", {{"runs.csv", checksum(runs)}, {"curves.csv", checksum(curves)}}}};
  json.update(setup_json(results.problems(), results.methods(), results.protocol()));
  for (std::size_t p = 0; p < results.problems().size(); ++p)
    json["problems"][p] = problem_json(results.problems()[p], results);
  for (std::size_t m = 0; m < results.methods().size(); ++m)
    complete_method(json["methods"][m], results.methods()[m], results);
  json["table"] = Json::array();
  for (const Row& row : results.table()) json["table"].push_back(row_json(row));
  json["over_all"] = over_all_json(results);
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

void Results::save(const std::string& folder, bool with_page) const {
  if (!complete()) throw std::logic_error("Results::save: the comparison was interrupted");
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) throw FileError(text("Results::save: cannot make the folder ", folder, ": ", failed.message()));
  const auto in_folder = [&](const char* file) { return (std::filesystem::path(folder) / file).string(); };
  const auto write = [&](const char* file, const std::string& content) {
    const std::string_view pieces[] = {content};
    detail::write_file("Results::save", in_folder(file), pieces);
  };
  const std::string runs = runs_csv(runs_), curves = curves_csv(runs_);
  write("runs.csv", runs);
  write("curves.csv", curves);
  write("timings.csv", timings_csv(runs_));
  write("results.json", results_json(*this, runs, curves));
  if (with_page) page(*this).save(in_folder("report.html"));
  std::filesystem::remove(journal_file(folder), failed);
}

std::map<std::string, std::array<double, target_count>> read_targets(const std::string& file) {
  std::map<std::string, std::array<double, target_count>> targets;
  try {
    const Json results = Json::parse(detail::InputFile(file).read_all().view());
    for (const Json& problem : results.at("problems"))
      if (problem.at("targets_are") == "losses" && !problem.at("targets").at(0).is_null())
        problem.at("targets").get_to(targets[problem.at("name")]);
  } catch (const nlohmann::json::exception&) {
    throw data::FormatError(text("compare: ", file, " is no results.json of a comparison"));
  }
  for (const auto& [name, losses] : targets)
    if (!std::is_sorted(losses.rbegin(), losses.rend()))
      throw data::FormatError(
          text("compare: ", file, ": the targets of ", name, " ascend: each must be harder to reach"));
  return targets;
}

}  // namespace ravine::compare
