#include <ravine/compare/page_parts.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <set>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>

namespace ravine::compare {
namespace {

using detail::text;
using report::Page;
using Doubles = std::vector<double>;

constexpr std::size_t grid_lines = 81;     // of a landscape's picture
constexpr std::size_t curve_points = 120;  // of a curve over the seeds

bool has_plane(const Problem& problem) { return problem.landscape && problem.landscape->dimension == 2; }

/// How losses are shown where their logarithm matters: what lies above the minimum, or how far they fell.
struct Height {
  std::string label = "loss";
  double minimum = 0.0;
  bool fall = false;

  explicit Height(const Problem& problem) {
    if (!problem.minimum || *problem.minimum == 0.0) return;
    fall = std::isinf(*problem.minimum);
    if (!fall) minimum = *problem.minimum;
    label = fall ? "fall of the loss" : "loss above the minimum";
  }
  double operator()(double loss, const Run& run) const {
    if (!std::isfinite(loss)) return std::numeric_limits<double>::infinity();
    return fall ? run.start_loss - loss : loss - minimum;
  }
};

// ---- a landscape with paths ----

/// Where something happens on it: the start, the minimum next to it, and the paths, with some room around them.
std::pair<double, double> limits(const landscapes::Landscape& l, std::size_t axis,
                                 const std::vector<Page::Path>& paths) {
  const double domain_low = l.low[axis], domain_high = l.high[axis];
  double low = l.start[axis], high = l.start[axis];
  const auto include = [&](double x) {
    if (!std::isfinite(x)) return;
    low = std::min(low, std::clamp(x, domain_low, domain_high));
    high = std::max(high, std::clamp(x, domain_low, domain_high));
  };
  const auto distance = [&](const Doubles& point) { return std::hypot(point[0] - l.start[0], point[1] - l.start[1]); };
  const auto nearest = std::min_element(l.minima.begin(), l.minima.end(),
                                        [&](const Doubles& a, const Doubles& b) { return distance(a) < distance(b); });
  if (nearest != l.minima.end()) include((*nearest)[axis]);
  for (const Page::Path& path : paths)
    for (const double x : axis == 0 ? path.x : path.y) include(x);
  const double room = std::max(0.2 * (high - low), 0.15 * (domain_high - domain_low));
  return {low - room, high + room};
}

Doubles lines_between(std::pair<double, double> ends) {
  Doubles lines;
  for (std::size_t i = 0; i < grid_lines; ++i) {
    const double part = static_cast<double>(i) / static_cast<double>(grid_lines - 1);
    lines.push_back(ends.first + part * (ends.second - ends.first));
  }
  return lines;
}

Page::Path path_of(const Run& run) {
  Page::Path path{.method = run.method, .note = run.options};
  for (const CurvePoint& point : run.curve) {
    path.steps.push_back(static_cast<double>(point.step));
    path.x.push_back(point.x);
    path.y.push_back(point.y);
    path.loss.push_back(point.loss);
  }
  if (run.status == Status::diverged) path.note += text("; diverged at step ", run.diverged_at, ": ", run.reason);
  return path;
}

Page::Landscape landscape(const Results& results, const Problem& problem) {
  const landscapes::Landscape& l = *problem.landscape;
  Page::Landscape picture{.title = problem.name, .minimum = l.minimum};
  for (const Method& method : results.methods()) {
    const auto runs = results.runs(problem.name, method.name, detail::scored(results));
    if (!runs.empty()) picture.paths.push_back(path_of(runs.front()));
  }
  picture.x = lines_between(limits(l, 0, picture.paths));
  picture.y = lines_between(limits(l, 1, picture.paths));
  for (const double y : picture.y)
    for (const double x : picture.x) picture.f.push_back(l.f(tensor({x, y}, f64)).item());
  for (const Page::Path& path : picture.paths)
    if (picture.starts.empty() && !path.x.empty()) picture.starts = {{path.x[0], path.y[0]}};
  for (const Doubles& minimum : l.minima) picture.minima.push_back({minimum[0], minimum[1]});
  picture.note = text("All methods from the start of seed ", results.protocol().scoring_seeds()[0], ".");
  return picture;
}

// ---- curves over the seeds ----

/// The last point of a run not after a step.
const CurvePoint& at_step(const Run& run, Index step) {
  const auto after = std::upper_bound(run.curve.begin(), run.curve.end(), step,
                                      [](Index s, const CurvePoint& point) { return s < point.step; });
  return after == run.curve.begin() ? run.curve.front() : *(after - 1);
}

/// Some of all steps that curves know, evenly spaced in their logarithm.
std::vector<Index> some_steps(std::span<const Run> runs) {
  std::set<Index> all;
  for (const Run& run : runs)
    for (const CurvePoint& point : run.curve) all.insert(point.step);
  if (all.size() <= curve_points) return {all.begin(), all.end()};
  const double factor = std::pow(static_cast<double>(*all.rbegin()), 1.0 / static_cast<double>(curve_points));
  std::vector<Index> some;
  double next = 0.0;
  for (const Index step : all)
    if (static_cast<double>(step) >= next || step == *all.rbegin()) {
      some.push_back(step);
      next = std::max(static_cast<double>(step) * factor, static_cast<double>(step) + 1.0);
    }
  return some;
}

/// Median and quartiles of what is seen at each step; a run that has ended stays where it is, one that diverged is
/// lost.
Page::Line curve(const std::string& method, std::span<const Run> runs,
                 const std::function<double(const CurvePoint&, const Run&)>& seen) {
  Page::Line line{.method = method, .x = {{}, {}, {}}};
  if (runs.empty() || std::any_of(runs.begin(), runs.end(), [](const Run& run) { return run.curve.empty(); }))
    return line;
  const double seconds = detail::median_of(runs, detail::step_seconds);
  for (const Index step : some_steps(runs)) {
    Doubles values, evaluations;
    for (const Run& run : runs) {
      const CurvePoint& point = at_step(run, step);
      const bool lost = run.status == Status::diverged && step >= run.diverged_at;
      values.push_back(lost ? std::numeric_limits<double>::infinity() : seen(point, run));
      evaluations.push_back(static_cast<double>(point.evaluations));
    }
    if (std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) continue;
    const Quartiles q = quartiles(values);
    line.x[0].push_back(static_cast<double>(step));
    line.x[1].push_back(*std::max_element(evaluations.begin(), evaluations.end()));
    line.x[2].push_back(static_cast<double>(step) * seconds);
    line.y.push_back(q.median);
    line.low.push_back(q.q1);
    line.high.push_back(q.q3);
  }
  return line;
}

Page::Chart curves(const Results& results, const Problem& problem, const std::string& title, const std::string& label,
                   const std::function<double(const CurvePoint&, const Run&)>& seen) {
  Page::Chart chart{.title = title,
                    .x_labels = {"step", "gradient evaluations", "seconds"},
                    .y_label = label,
                    .x_log = true,
                    .y_log = true,
                    .note = text("Median and quartiles of ", detail::counted(results.protocol().seeds, "seed"),
                                 "; × marks where runs diverge.")};
  for (const Method& method : results.methods())
    chart.lines.push_back(curve(method.name, results.runs(problem.name, method.name, detail::scored(results)), seen));
  return chart;
}

// ---- the final loss against the rate ----

/// The number behind "lr=" in a method's text, or NaN.
double rate_in(const std::string& options) {
  for (std::size_t at = 0; (at = options.find("lr=", at)) != std::string::npos; at += 3) {
    double rate = 0.0;
    const char* end = options.data() + options.size();
    const bool whole = at > 0 && std::string_view(":,(").find(options[at - 1]) != std::string_view::npos;
    if (whole && std::from_chars(options.data() + at + 3, end, rate).ec == std::errc()) return rate;
  }
  return Page::none;
}

Page::Line rates(const std::string& method, std::span<const Run> runs, const Height& height) {
  std::vector<std::pair<double, Quartiles>> trials;
  for (std::size_t i = 0; i < runs.size();) {
    const std::size_t first = i;
    Doubles scores;
    for (; i < runs.size() && runs[i].trial == runs[first].trial; ++i)
      scores.push_back(height(runs[i].score(), runs[i]));
    const double rate = rate_in(runs[first].options);
    if (!std::isnan(rate)) trials.emplace_back(rate, quartiles(scores));
  }
  std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  Page::Line line{.method = method, .x = {{}}};
  for (const auto& [rate, q] : trials) {
    line.x[0].push_back(rate);
    line.y.push_back(q.median);
    line.low.push_back(q.q1);
    line.high.push_back(q.q3);
  }
  return line;
}

Page::Chart rates(const Results& results, const Problem& problem) {
  const Height height(problem);
  Page::Chart chart{.title = "Final loss against the rate",
                    .x_labels = {"learning rate"},
                    .y_label = height.label,
                    .x_log = true,
                    .y_log = true,
                    .note = text("All trials: median and quartiles of ",
                                 detail::counted(results.protocol().tune_seeds, "tuning seed"),
                                 "; × some or all diverged. Where other options are tuned as well, they "
                                 "differ from point to point.")};
  for (const Method& method : results.methods())
    chart.lines.push_back(rates(method.name, results.runs(problem.name, method.name, Phase::tune), height));
  return chart;
}

// ---- one problem ----

bool is_finite(double value) { return std::isfinite(value); }

template <class F>
bool any_line(const Page::Chart& chart, const F& is) {
  return std::any_of(chart.lines.begin(), chart.lines.end(), is);
}

std::string about(const Results& results, const Problem& problem) {
  const Targets& targets = results.targets(problem.name);
  const auto main = static_cast<std::size_t>(targets.main);
  char value[32];
  std::snprintf(value, sizeof value, "%.3g", targets.values[main]);
  switch (targets.kind) {
    case Targets::fractions:
      return text("Main target: a loss within ", value, " of the way from the start to the minimum.");
    case Targets::falls: return text("It has no minimum. Main target: a loss ", value, " below the start.");
    case Targets::losses: return text("Main target: a loss of ", value, ".");
  }
  return "";
}

}  // namespace
}  // namespace ravine::compare

namespace ravine::detail {

using namespace compare;

report::Page::Problem problem_figures(const Results& results, const Problem& problem) {
  Page::Problem shown{.name = problem.name, .about = about(results, problem)};
  const Height height(problem);
  const bool tests = std::isfinite(problem.guess) || !problem.minimum;
  if (has_plane(problem)) shown.landscapes.push_back(landscape(results, problem));
  if (!problem.landscape)
    for (Page::Landscape& plane : network_planes(results, problem, scored(results)))
      shown.landscapes.push_back(std::move(plane));
  shown.charts.push_back(curves(results, problem, tests ? "Training loss" : "Loss over all seeds", height.label,
                                [&](const CurvePoint& point, const Run& run) { return height(point.loss, run); }));
  Page::Chart test = curves(results, problem, "Test loss", "test loss",
                            [](const CurvePoint& point, const Run&) { return point.test_loss; });
  if (any_line(test, [](const Page::Line& line) { return std::any_of(line.y.begin(), line.y.end(), is_finite); }))
    shown.charts.push_back(std::move(test));
  Page::Chart tried = rates(results, problem);
  if (any_line(tried, [](const Page::Line& line) { return !line.y.empty(); })) shown.charts.push_back(std::move(tried));
  return shown;
}

}  // namespace ravine::detail
