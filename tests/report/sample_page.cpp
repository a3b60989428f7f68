// Writes pages for the browser's tests: sample_page FOLDER
// page.html has all that a page can have: eight methods on three landscapes, and a network whose curves are invented.
#include <ravine/ravine.hpp>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace rv = ravine;
using rv::report::Page;

const std::vector<std::string> methods = {"sgd:lr=0.001",   "sgd:lr=0.001,momentum=0.9",
                                          "adagrad:lr=0.3", "rmsprop:lr=0.01",
                                          "adam:lr=0.05",   "lion:lr=0.01",
                                          "adadelta:lr=3",  "sgd:lr=0.001,momentum=0.95,nesterov=lookahead"};
constexpr double infinity = std::numeric_limits<double>::infinity();

Page::Path descend(const rv::landscapes::Landscape& landscape, const std::string& method) {
  Page::Path path{.method = method, .note = "from " + landscape.name + "'s usual start"};
  const rv::Variable theta = rv::parameter(rv::tensor(landscape.start, rv::f64));
  const auto optimizer = rv::optim::make(method, {theta});
  for (int step = 0; step <= 2000; ++step) {
    path.x.push_back(theta.value().at({0}));
    path.y.push_back(theta.value().at({1}));
    path.loss.push_back(landscape.f(theta.value()).item());
    if (!std::isfinite(path.loss.back()) || std::abs(path.loss.back()) > 1e12) break;
    optimizer->step([&] { return landscape.f(theta); });
  }
  return path;
}

Page::Landscape ground(const rv::landscapes::Landscape& landscape, int lines) {
  Page::Landscape ground{.title = landscape.name, .minimum = landscape.minimum};
  for (int i = 0; i < lines; ++i) {
    const double part = i / (lines - 1.0);
    ground.x.push_back(landscape.low[0] + part * (landscape.high[0] - landscape.low[0]));
    ground.y.push_back(landscape.low[1] + part * (landscape.high[1] - landscape.low[1]));
  }
  for (const double y : ground.y)
    for (const double x : ground.x) ground.f.push_back(landscape.f(rv::tensor({x, y}, rv::f64)).item());
  ground.starts = {{landscape.start[0], landscape.start[1]}};
  for (const auto& minimum : landscape.minima) ground.minima.push_back({minimum[0], minimum[1]});
  return ground;
}

Page::Landscape plane() {
  Page::Landscape plane{.title = "Loss of the network along two directions",
                        .x_label = "first direction (81 % of the path)",
                        .y_label = "second direction (14 %)",
                        .projected = true,
                        .note = "Directions: principal components of Adam's path."};
  for (int i = 0; i < 41; ++i) {
    plane.x.push_back(-2.0 + 0.1 * i);
    plane.y.push_back(-2.0 + 0.1 * i);
  }
  for (const double y : plane.y)
    for (const double x : plane.x)
      plane.f.push_back(0.2 + x * x + 0.3 * y * y + 0.2 * std::sin(4 * x) * std::sin(3 * y));
  for (std::size_t m = 0; m < methods.size(); ++m) {
    Page::Path path{.method = methods[m]};
    for (int t = 0; t <= 600; t += 20) {
      const double left = std::exp(-t * (m + 1.0) / 1500.0), turn = 0.4 * static_cast<double>(m);
      path.steps.push_back(t);
      path.x.push_back(1.7 * left * std::cos(turn + t / 400.0));
      path.y.push_back(1.7 * left * std::sin(turn + t / 400.0));
      path.loss.push_back(0.15 + 3 * left * left);
    }
    plane.paths.push_back(path);
  }
  return plane;
}

Page::Chart training(const char* label, double floor) {
  Page::Chart chart{.title = std::string(label) + " loss",
                    .x_labels = {"step", "gradient evaluations", "seconds"},
                    .y_label = "loss",
                    .x_log = true,
                    .y_log = true,
                    .note = "Median and quartiles of 20 seeds."};
  for (std::size_t m = 0; m < methods.size(); ++m) {
    Page::Line line{.method = methods[m], .x = {{}, {}, {}}};
    for (double t = 1; t <= 2000; t *= 1.08) {
      line.x[0].push_back(std::round(t));
      line.x[1].push_back(std::round(t) * (m == 7 ? 2 : 1));
      line.x[2].push_back(t * 1e-5 * (1.0 + 0.2 * static_cast<double>(m)));
      const double loss = floor + std::exp(-std::pow(t / (100.0 * (static_cast<double>(m) + 1)), 0.7)) +
                          0.002 * std::sin(t + static_cast<double>(m));
      line.y.push_back(m == 6 && t > 700 ? infinity : loss);
      line.low.push_back(loss * 0.9);
      line.high.push_back(m == 6 && t > 700 ? infinity : loss * 1.15);
    }
    chart.lines.push_back(line);
  }
  return chart;
}

Page::Chart rates() {
  Page::Chart chart{.title = "Final loss against the rate",
                    .x_labels = {"learning rate"},
                    .y_label = "final loss",
                    .x_log = true,
                    .y_log = true,
                    .note = "× some or all runs diverged."};
  for (std::size_t m = 0; m < methods.size(); ++m) {
    Page::Line line{.method = methods[m], .x = {{}}};
    for (int k = 0; k < 12; ++k) {
      const double rate = std::pow(10.0, -4.5 + 0.4 * k), off = std::log10(rate) + 2.6 - 0.25 * static_cast<double>(m);
      const double loss = 0.05 + 0.1 * off * off;
      line.x[0].push_back(rate);
      line.y.push_back(off > 1.5 ? infinity : loss);
      line.low.push_back(off > 1.5 ? infinity : loss * 0.8);
      line.high.push_back(off > 1.1 ? infinity : loss * 1.3);
    }
    chart.lines.push_back(line);
  }
  return chart;
}

Page::Chart share(const char* title, const char* x, const char* y, bool log) {
  Page::Chart chart{.title = title, .x_labels = {x}, .y_label = y, .x_log = log, .stairs = true, .share = true};
  for (std::size_t m = 0; m < methods.size(); ++m) {
    Page::Line line{.method = methods[m], .x = {{}}};
    for (int k = 0; k <= 60; ++k) {
      line.x[0].push_back(log ? std::pow(2000.0, k / 60.0) : 1 + 7 * k / 60.0);
      line.y.push_back((1.0 - 0.06 * static_cast<double>(m)) *
                       (1.0 - std::exp(-k / (15.0 + 3 * static_cast<double>(m)))));
    }
    chart.lines.push_back(line);
  }
  return chart;
}

Page::Table table(const std::vector<Page::Problem>& problems) {
  Page::Table table{.columns = {"phase", "evaluations to target", "reached", "final loss"},
                    .note = "Median over 20 seeds with its 95 % interval; –: not reached."};
  for (std::size_t p = 0; p < problems.size(); ++p)
    for (std::size_t m = 0; m < methods.size(); ++m)
      for (const char* phase : {"final", "defaults"}) {
        const double n = 100.0 + 37.0 * static_cast<double>((5 * m + 3 * p) % 8);
        const bool reached = (m + p) % 5 != 0;
        table.rows.push_back(
            {.problem = problems[p].name,
             .method = methods[m],
             .cells = {{.text = phase},
                       {.value = reached ? n : infinity, .low = 0.9 * n, .high = reached ? 1.2 * n : infinity},
                       {.text = reached ? "20/20" : "3/20", .value = reached ? 1.0 : 0.15},
                       {.value = 1e-5 * n, .low = 1e-6 * n, .high = 1e-4 * n}},
             .command = "ravine compare --problems " + problems[p].name + " --optimizers " + methods[m],
             .code = "auto optimizer = rv::optim::make(\"" + methods[m] + "\", parameters);"});
      }
  return table;
}

Page whole_page() {
  Page page{.title = "Eight optimizers on four problems",
            .about = "A page for tests. Names are shown as they are: </script><b>&amp;"};
  for (const auto& landscape : rv::landscapes::all())
    if (landscape.name == "beale" || landscape.name == "saddle" || landscape.name == "mccormick") {
      auto& problem = page.problem(landscape.name);
      problem.about = "Every method from one start.";
      problem.landscapes.push_back(ground(landscape, 101));
      for (const std::string& method : methods) problem.landscapes[0].paths.push_back(descend(landscape, method));
    }
  auto& network = page.problem("mlp:cars,hidden=32-32");
  network.about = "A network on a table of cars: 9 inputs, 32-32 hidden units.";
  network.landscapes.push_back(plane());
  network.landscapes.push_back(plane());
  network.landscapes[1].title = "Hessian's eigenvectors: curvatures 12.3 and -4.5, as long as titles are";
  for (Page::Path& path : network.landscapes[1].paths) path.x.swap(path.y);
  network.charts = {training("Training", 0.02), training("Test", 0.1), rates()};
  page.charts = {share("Targets reached", "gradient evaluations", "share of problems and targets", true),
                 share("Performance profile", "times the best", "share of problems", false),
                 share("Score against tuning budget", "trials", "score", false)};
  Page::Chart diverged{.title = "Runs that diverged", .y_label = "share of all runs", .share = true};
  for (std::size_t m = 0; m < methods.size(); ++m)
    diverged.bars.push_back(
        {.method = methods[m], .value = 0.02 * static_cast<double>(m), .text = std::to_string(2 * m) + " %"});
  page.charts.push_back(diverged);
  page.table = table(page.problems);
  return page;
}

// Figures without anything in them.
Page empty_page() {
  Page page{.title = "Nothing"};
  auto& problem = page.problem("empty");
  problem.landscapes.push_back(ground(rv::landscapes::all()[0], 2));
  problem.landscapes.push_back({.title = "not a number",
                                .x = {0, 1},
                                .y = {0, 1},
                                .f = std::vector<double>(4, Page::none),
                                .paths = {{.method = "a", .x = {Page::none}, .y = {Page::none}, .loss = {infinity}},
                                          {.method = "far", .x = {0.5, 1e7}, .y = {0.5, 1e7}, .loss = {1, 1e14}}}});
  problem.charts = {{.title = "no lines"},
                    {.title = "no points", .x_log = true, .lines = {{.method = "a", .x = {{}}}}}};
  problem.charts.push_back(
      {.title = "all lost", .y_log = true, .lines = {{.method = "a", .x = {{1, 2}}, .y = {infinity, infinity}}}});
  return page;
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string folder = argv[1];
  whole_page().save(folder + "/page.html");
  empty_page().save(folder + "/empty.html");
  Page().save(folder + "/nothing.html");
}
