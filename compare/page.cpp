#include <ravine/compare/page.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <ravine/compare/options.hpp>
#include <ravine/compare/page_parts.hpp>
#include <ravine/core/text.hpp>

namespace ravine::detail {

std::string counted(Index n, const char* what) { return text(n, " ", what, n == 1 ? "" : "s"); }

compare::Phase scored(const compare::Results& results) {
  return results.protocol().trials > 0 ? compare::Phase::final : compare::Phase::defaults;
}

double median_of(std::span<const compare::Run> runs, const std::function<double(const compare::Run&)>& value) {
  std::vector<double> values;
  for (const compare::Run& run : runs) values.push_back(value(run));
  return compare::median(values);
}

double step_seconds(const compare::Run& run) {
  return run.steps > 0 ? run.step_seconds / static_cast<double>(run.steps) : 0.0;
}

}  // namespace ravine::detail

namespace ravine::compare {
namespace {

using detail::text;
using report::Page;
using Doubles = std::vector<double>;

/// A step function from a first x to a last one.
Page::Line stairs(const std::string& method, const std::vector<Step>& steps, double first, double last) {
  Page::Line line{.method = method, .x = {{first}}, .y = {0.0}};
  for (const Step& step : steps) {
    if (step.x <= first) {  // 0 evaluations are at no place of a logarithmic axis
      line.y[0] = step.y;
      continue;
    }
    line.x[0].push_back(step.x);
    line.y.push_back(step.y);
  }
  line.x[0].push_back(std::max(last, line.x[0].back()));
  line.y.push_back(line.y.back());
  return line;
}

Page::Chart targets_reached(const Results& results) {
  Page::Chart chart{.title = "Targets reached",
                    .x_labels = {"gradient evaluations"},
                    .y_label = "share of targets",
                    .x_log = true,
                    .stairs = true,
                    .share = true,
                    .note = "Of all problems, targets and seeds the share that was reached with so many evaluations."};
  for (const Method& method : results.methods())
    chart.lines.push_back(stairs(method.name, results.ecdf(method.name, detail::scored(results)), 1.0,
                                 static_cast<double>(results.protocol().budget)));
  return chart;
}

Page::Chart profile(const Results& results) {
  Page::Chart chart{.title = "Performance profile",
                    .x_labels = {"times the evaluations of the best method"},
                    .y_label = "share of problems",
                    .stairs = true,
                    .share = true,
                    .note =
                        "The share of problems whose main target a method reaches with at most so many times the "
                        "evaluations of the best one."};
  for (const Method& method : results.methods())
    chart.lines.push_back(stairs(method.name, results.profile(method.name, detail::scored(results)), 1.0, 8.0));
  return chart;
}

Page::Chart tuning(const Results& results) {
  Page::Chart chart{.title = "Score against tuning budget",
                    .x_labels = {"trials"},
                    .y_label = "share of targets reached",
                    .share = true,
                    .note = "What the best of so many trials is expected to reach: what is easy to tune rises early."};
  for (const Method& method : results.methods()) {
    const Doubles scores = results.score_by_trials(method.name);
    Page::Line line{.method = method.name, .x = {{}}, .y = scores};
    for (std::size_t k = 0; k < scores.size(); ++k) line.x[0].push_back(static_cast<double>(k + 1));
    chart.lines.push_back(std::move(line));
  }
  return chart;
}

Page::Chart divergences(const Results& results) {
  Page::Chart chart{.title = "Runs that diverged", .y_label = "share of all runs, tuning included", .share = true};
  for (const Method& method : results.methods()) {
    Index runs = 0, diverged = 0;
    for (const Run& run : results.runs())
      if (run.method == method.name) {
        ++runs;
        diverged += run.status == Status::diverged;
      }
    const double share = runs > 0 ? static_cast<double>(diverged) / static_cast<double>(runs) : 0.0;
    chart.bars.push_back({.method = method.name, .value = share, .text = text(diverged, " of ", runs)});
  }
  return chart;
}

Page::Cell cell(const Quartiles& q) {
  if (std::isinf(q.q1)) return {.text = "diverged", .value = q.median};
  return {.text = std::isinf(q.median) ? "diverged" : "", .value = q.median, .low = q.q1, .high = q.q3};
}

/// As a string of C++.
std::string literal(const std::string& words) {
  std::string result = "\"";
  for (const char c : words) result += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return result + '"';
}

/// Whether compare::problem makes it, rather than a program of somebody's own.
bool is_named(const std::string& problem) {
  const std::vector<std::string> names = problem_names();
  return problem.starts_with("mlp:") ||
         std::count(names.begin(), names.end(), problem.substr(0, problem.find_first_of("@:"))) > 0;
}

std::string code_of(const Row& row, Index budget, std::uint64_t seed) {
  const auto [optimizer, schedule] = detail::method_parts(row.options);
  const std::string made = "ravine::compare::problem(" + literal(row.problem) + ")";
  std::string code =
      text("// As it ran, from the start of seed ", seed, ":\nauto run = ravine::compare::run_once(",
           is_named(row.problem) ? made : "problem", ", ", literal(row.options), ", ", seed, ", {.budget = ", budget,
           "});\n// In a program of your own:\nauto optimizer = ravine::optim::make(", literal(optimizer),
           ", parameters);\n");
  if (!schedule.empty())
    code +=
        text("auto schedule = ravine::optim::make_schedule(", literal(schedule), ", ", steps_within(budget, optimizer),
             ");\noptimizer->set_lr_factor(schedule(optimizer->steps()));  // before each step\n");
  return code;
}

Page::Table table(const Results& results) {
  Page::Table table{.columns = {"phase", "evaluations to target", "reached", "final loss", "test loss", "µs a step",
                                "diverged", "ran as"},
                    .note =
                        "Evaluations: median with its bootstrap 95 % interval; losses: median and quartiles; –: not "
                        "reached. Phase defaults: the library's own options, not tuned."};
  const std::uint64_t seed = results.protocol().scoring_seeds()[0];
  for (const Row& row : results.table()) {
    const auto runs = results.runs(row.problem, row.method, row.phase);
    if (runs.empty()) continue;
    const auto diverged =
        std::count_if(runs.begin(), runs.end(), [](const Run& r) { return r.status == Status::diverged; });
    const auto n = static_cast<double>(runs.size());
    char reached[32];
    std::snprintf(reached, sizeof reached, "%.0f of %.0f", row.reached * n, n);
    table.rows.push_back({.problem = row.problem,
                          .method = row.method,
                          .cells = {{.text = name(row.phase)},
                                    {.value = row.median_evaluations, .low = row.low, .high = row.high},
                                    {.text = reached, .value = row.reached},
                                    cell(row.final_loss),
                                    std::isnan(row.test_loss.median) ? Page::Cell{.text = " "} : cell(row.test_loss),
                                    {.value = 1e6 * detail::median_of(runs, detail::step_seconds)},
                                    {.value = static_cast<double>(diverged)},
                                    {.text = row.options}},
                          .command = row.command,
                          .code = code_of(row, results.protocol().budget, seed)});
  }
  return table;
}

}  // namespace

report::Page page(const Results& results) {
  const Protocol& protocol = results.protocol();
  const auto size = [](const auto& list) { return static_cast<Index>(list.size()); };
  Page page{.title = text(detail::counted(size(results.methods()), "optimizer"), " on ",
                          detail::counted(size(results.problems()), "problem"))};
  page.about = protocol.trials > 0
                   ? text("Each method was tuned on each problem with ", detail::counted(protocol.trials, "trial"),
                          " of ", detail::counted(protocol.tune_seeds, "seed"), "; the winner ran on ",
                          detail::counted(protocol.seeds, "other"), ".")
                   : text("Nothing was tuned: each method ran with its defaults on ",
                          detail::counted(protocol.seeds, "seed"), ".");
  page.about += text(" A run ends after ", detail::counted(protocol.budget, "gradient evaluation"), ".");
  if (!results.complete()) page.about += " The comparison was interrupted: this is what had finished.";
  for (const Problem& problem : results.problems()) page.problems.push_back(detail::problem_figures(results, problem));
  page.charts = {targets_reached(results), profile(results)};
  if (protocol.trials > 0) page.charts.push_back(tuning(results));
  page.charts.push_back(divergences(results));
  page.table = table(results);
  return page;
}

}  // namespace ravine::compare
