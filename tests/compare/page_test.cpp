// What of a comparison is on its page.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

#include <ravine/autograd/autograd.hpp>
#include <ravine/compare/compare.hpp>
#include <ravine/core/core.hpp>
#include <ravine/optim/lanczos.hpp>
#include <ravine/optim/loss_surface.hpp>

using namespace ravine;
using namespace ravine::compare;
using doctest::Approx;
using doctest::Contains;
using report::Page;

static const Protocol small{.trials = 3, .tune_seeds = 2, .seeds = 3, .budget = 60};

// x^2 + 10 y^2, which the page knows nothing of; a program's own.
static Problem own(const std::string& name) {
  return {name, [](std::uint64_t seed) {
            const Variable theta = parameter(tensor({1.0, 0.5 + 0.1 * static_cast<double>(seed % 5)}, f64));
            return Instance{{theta}, [theta] { return sum(tensor({1, 10}, f64) * square(theta)); }};
          }};
}

static const Results& results() {
  static const Results made =
      run({problem("mccormick"), problem("saddle"), problem("mlp:sine,hidden=4"), own("my own")},
          {method("sgd"), method("adam:lr=0.05"), method("sgd:lr=1e9")}, small);
  return made;
}

static const Page& whole() {
  static const Page made = page(results());
  return made;
}

static const Page::Chart& chart(const std::vector<Page::Chart>& charts, const std::string& title) {
  const auto found = std::find_if(charts.begin(), charts.end(), [&](const Page::Chart& c) { return c.title == title; });
  REQUIRE_MESSAGE(found != charts.end(), title);
  return *found;
}

TEST_CASE("page: a problem of two parameters has its landscape with the paths of the first scoring seed") {
  const Page::Problem& mccormick = whole().problems[0];
  CHECK(mccormick.name == "mccormick");
  REQUIRE(mccormick.landscapes.size() == 1);
  const Page::Landscape& l = mccormick.landscapes[0];
  CHECK(l.minimum == Approx(-1.9132229549810362));
  CHECK(l.minima.size() == 1);
  REQUIRE(l.paths.size() == 3);
  const Run& first = results().runs("mccormick", "adam:lr=0.05", Phase::final)[0];
  const Page::Path& adam = l.paths[1];
  CHECK(adam.method == "adam:lr=0.05");
  CHECK(adam.steps.size() == 61);
  CHECK(adam.loss.front() == first.start_loss);
  CHECK(adam.loss.back() == first.final_loss);
  CHECK(adam.x.back() == first.curve.back().x);
  CHECK(l.starts[0][0] == first.curve[0].x);
  CHECK(l.paths[2].note.find("diverged at step") != std::string::npos);
  for (const Page::Chart& c : mccormick.charts) CHECK(c.title != "Test loss");
  // The picture holds start, minimum and path, and f is what it says.
  CHECK(l.x.front() < std::min(l.starts[0][0], l.minima[0][0]));
  CHECK(l.x.back() > l.starts[0][0]);
  const Tensor corner = tensor({l.x[3], l.y[2]}, f64);
  CHECK(l.f[2 * l.x.size() + 3] == landscapes::mccormick(corner).item());
}

TEST_CASE(
    "page: losses over the seeds lie above the minimum, or are a fall where there is none; what diverged is lost") {
  const Page::Chart& losses = chart(whole().problems[0].charts, "Loss over all seeds");
  CHECK(losses.y_label == "loss above the minimum");
  CHECK(losses.x_labels.size() == 3);
  std::vector<double> ends;
  for (const Run& run : results().runs("mccormick", "adam:lr=0.05", Phase::final))
    ends.push_back(run.final_loss + 1.9132229549810362);
  const Page::Line& adam = losses.lines[1];
  CHECK(adam.y.back() == Approx(median(ends)));
  CHECK(adam.low.back() <= adam.y.back());
  CHECK(adam.high.back() >= adam.y.back());
  CHECK(adam.x[0].back() == 60);
  CHECK(adam.x[1].back() == 60);
  CHECK(adam.x[2].back() > 0.0);
  CHECK(losses.lines[2].y.back() == INFINITY);

  const Page::Chart& falls = chart(whole().problems[1].charts, "Loss over all seeds");
  CHECK(falls.y_label == "fall of the loss");
  CHECK(falls.lines[0].y.front() == 0.0);
  CHECK(falls.lines[1].y.back() > 0.0);
}

TEST_CASE("page: the final loss of each trial against its rate") {
  const Page::Chart& rates = chart(whole().problems[0].charts, "Final loss against the rate");
  REQUIRE(rates.lines.size() == 3);
  const Page::Line& sgd = rates.lines[0];
  CHECK(sgd.x[0].size() == 3);
  CHECK(std::is_sorted(sgd.x[0].begin(), sgd.x[0].end()));
  CHECK(rates.lines[1].x[0].empty());  // its rate is fixed: there are no trials
  const auto tuning = results().runs("mccormick", "sgd", Phase::tune);
  for (std::size_t i = 0; i < tuning.size(); i += 2) {
    const double rate = std::stod(tuning[i].options.substr(tuning[i].options.find("lr=") + 3));
    const auto at = std::find(sgd.x[0].begin(), sgd.x[0].end(), rate) - sgd.x[0].begin();
    REQUIRE(at < 3);
    CHECK(sgd.y[static_cast<std::size_t>(at)] ==
          Approx((tuning[i].score() + tuning[i + 1].score()) / 2 + 1.9132229549810362));
  }
}

TEST_CASE("page: a network has training and test losses, and the plane in which its paths lie, with both losses said") {
  const Page::Problem& net = whole().problems[2];
  CHECK(chart(net.charts, "Training loss").y_label == "loss");
  CHECK(chart(net.charts, "Test loss").lines[0].y.back() ==
        Approx(results().table()[4 * 3].test_loss.median).epsilon(1e-9));
  REQUIRE(net.landscapes.size() == 3);
  const Page::Landscape& plane = net.landscapes[0];
  CHECK(plane.projected);
  CHECK(plane.f.size() == plane.x.size() * plane.y.size());
  CHECK(plane.title.find("Principal components of the paths: ") == 0);
  CHECK(plane.x_label.find(" % of the paths") != std::string::npos);
  CHECK(plane.note.find("times the real one") != std::string::npos);
  const Page::Path& adam = plane.paths[1];
  CHECK(adam.loss.front() == Approx(results().runs(net.name, adam.method, Phase::final)[0].start_loss));
  CHECK(adam.loss.back() == Approx(results().runs(net.name, adam.method, Phase::final)[0].final_loss));
  CHECK(adam.steps.front() == 0);
  CHECK(adam.steps.back() == 60);
}

// What a network's parameters are after a run.
static Tensor end_of(const Problem& network, const Run& first) {
  Problem watched = network;
  std::vector<Variable> parameters;
  watched.make = [&](std::uint64_t seed) {
    Instance made = network.make(seed);
    parameters = made.parameters;
    return made;
  };
  run_once(watched, first.options, first.seed, {small.budget});
  return optim::parameters_to_vector(parameters);
}

TEST_CASE("page: planes around the end of the best run, random and of the Hessian's eigenvectors") {
  for (const char* options : {"", ",batch_norm=true"}) {
    const Problem network = problem(std::string("mlp:sine,hidden=4,activation=tanh") + options);
    const Results both = run({network}, {method("sgd:lr=0.01"), method("adam:lr=0.05"), method("sgd:lr=1e4")}, small);
    const auto planes = page(both).problems[0].landscapes;
    REQUIRE(planes.size() == 3);
    const Page::Landscape &random = planes[1], &curved = planes[2];
    CHECK(random.title.find("Random directions") == 0);
    CHECK(random.note.find("where adam:lr=0.05 ended, lowest of all") != std::string::npos);
    for (const Page::Landscape& plane : planes) {
      CHECK(plane.projected);
      CHECK(plane.f.size() == plane.x.size() * plane.y.size());
      CHECK(plane.note.find("times the real one") != std::string::npos);
      REQUIRE(plane.paths.size() == 3);
      CHECK(plane.paths[1].loss == planes[0].paths[1].loss);
      CHECK(plane.paths[1].loss.back() == both.runs(network.name, "adam:lr=0.05", Phase::final)[0].final_loss);
      CHECK(plane.x.back() - plane.x.front() < 100);  // what diverged leaves it
    }
    CHECK(random.x.front() < -1.0);
    CHECK(random.x.back() > 1.0);
    for (const auto* plane : {&random, &curved}) {  // its end is the middle
      CHECK(std::abs(plane->paths[1].x.back()) < 1e-9);
      CHECK(std::abs(plane->paths[1].y.back()) < 1e-9);
    }

    const Instance end = network.make(1);
    optim::vector_to_parameters(end_of(network, both.runs(network.name, "adam:lr=0.05", Phase::final)[0]),
                                end.parameters);
    const optim::Eigenpairs pairs = optim::hessian_eigen(end.parameters, end.objective, 2);
    char title[80];
    std::snprintf(title, sizeof title, "Hessian's eigenvectors: curvatures %.3g and %.3g", pairs.values.at({0}),
                  pairs.values.at({1}));
    CHECK(curved.title == title);
    const Tensor v = pairs.vectors;
    const optim::LossSurface surface(
        end.parameters, end.objective,
        {optim::parameters_to_vector(end.parameters), v.slice(1, 0, 1).reshape({-1}), v.slice(1, 1, 2).reshape({-1})});
    CHECK(curved.f[3 * curved.x.size() + 5] ==
          Approx(surface(tensor({curved.x[5], curved.y[3]}, f64)).item()).epsilon(0.05));
    CHECK(page(both).problems[0].landscapes[2].f == curved.f);
  }
}

TEST_CASE("page: a plane that is not to be had is left out") {
  const auto planes = [](const Problem& p, const char* how) {
    std::vector<std::string> titles;
    const Page shown = page(run({p}, {method(how)}, small));
    for (const Page::Landscape& l : shown.problems[0].landscapes)
      titles.push_back(l.title.substr(0, l.title.find(' ')));
    return titles;
  };
  using Titles = std::vector<std::string>;
  const auto made = [](bool with_value, bool with_objective) {
    return Problem{"vector", [=](std::uint64_t) {
                     const Variable x = parameter(tensor({1, 2, 3}, f64));
                     const auto loss = [x] { return sum(tensor({1, 2, 5}, f64) * square(x)); };
                     Instance instance{{x}, loss};
                     if (with_value) instance.value = [x] { return sum(x.value()).item(); };
                     if (with_objective) instance.objective = loss;
                     return instance;
                   }};
  };
  CHECK(planes(made(false, false), "sgd:lr=0.05") == Titles{"Principal", "Hessian's"});  // there are no filters
  CHECK(planes(made(true, false), "sgd:lr=0.05") == Titles{"Principal"});
  CHECK(planes(made(true, true), "sgd:lr=0.05") == Titles{"Principal", "Hessian's"});
  CHECK(planes(made(false, false), "sgd:lr=1e9") == Titles{});
}

TEST_CASE("page: a program's own problem is a plane as well, as nothing else is known of it") {
  const Page::Problem& mine = whole().problems[3];
  REQUIRE(mine.landscapes.size() == 1);
  CHECK(mine.landscapes[0].paths.size() == 3);
  CHECK(mine.charts[0].lines[0].y.front() > 0.0);
}

TEST_CASE("page: a row has what the table has, the command and code that names problem and options") {
  const Page::Table& table = whole().table;
  REQUIRE(table.rows.size() == results().table().size());
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const Row& row = results().table()[i];
    CHECK(table.rows[i].problem == row.problem);
    CHECK(table.rows[i].cells.size() == table.columns.size());
    CHECK(table.rows[i].cells[0].text == name(row.phase));
    CHECK(table.rows[i].cells[1].value == row.median_evaluations);
    const bool lost = row.final_loss.q1 == std::numeric_limits<double>::infinity();
    CHECK(table.rows[i].cells[3].text == (lost ? "diverged" : ""));
    if (!lost) CHECK(table.rows[i].cells[3].high == row.final_loss.q3);
    CHECK(table.rows[i].command == row.command);
    const bool named = row.problem != "my own";
    const std::string made = named ? "ravine::compare::problem(\"" + row.problem + "\")" : "problem";
    CHECK(table.rows[i].code.find("run_once(" + made + ", \"" + row.options + "\", 1, {.budget = 60})") !=
          std::string::npos);
  }
}

TEST_CASE("page: figures of all problems") {
  CHECK(chart(whole().charts, "Targets reached").lines.size() == 3);
  CHECK(chart(whole().charts, "Performance profile").lines[0].x[0].back() == 8);
  CHECK(chart(whole().charts, "Score against tuning budget").lines[0].x[0] == std::vector<double>{1, 2, 3});
  const auto& bars = chart(whole().charts, "Runs that diverged").bars;
  REQUIRE(bars.size() == 3);
  CHECK(bars[2].text == "24 of 24");
  CHECK(bars[2].value == 1.0);
  CHECK(whole().html().size() < 3000000);
  for (const Page::Chart& c : whole().charts) CHECK(c.share);
}

TEST_CASE("page: of defaults only, of what was interrupted, and of a single straight way") {
  const Results untuned = run({problem("beale")}, {method("adam+cosine")}, {.trials = 0, .seeds = 2, .budget = 30});
  const Page defaults = page(untuned);
  CHECK(defaults.table.rows[0].code.find("make(\"adam\", parameters);\nauto schedule = ravine::optim::make_schedule("
                                         "\"cosine\", 30);") != std::string::npos);
  CHECK(defaults.problems[0].landscapes[0].paths.size() == 1);
  // a plus that begins no schedule, and two gradients a step
  const Results sam =
      run({problem("booth")}, {method("sam(sgd:lr=1e+0)+cosine")}, {.trials = 0, .seeds = 1, .budget = 30});
  CHECK(page(sam).table.rows[0].code.find("make(\"sam(sgd:lr=1e+0)\", parameters);\nauto schedule = "
                                          "ravine::optim::make_schedule(\"cosine\", 15);") != std::string::npos);
  CHECK(defaults.about.find("Nothing was tuned: each method ran with its defaults on 2 seeds. ") == 0);
  const Protocol once{.trials = 1, .tune_seeds = 1, .seeds = 1, .budget = 1};
  const Page single = page(run({problem("beale")}, {method("adam")}, once));
  CHECK(single.about ==
        "Each method was tuned on each problem with 1 trial of 1 seed; the winner ran on 1 other. A run ends after 1 "
        "gradient evaluation.");
  CHECK(single.problems[0].charts[0].note.find("quartiles of 1 seed;") != std::string::npos);
  CHECK(defaults.html().size() > 1000);

  const Problem still{"still", [](std::uint64_t) {
                        const Variable theta = parameter(ones({2}, f64));
                        return Instance{{theta}, [=] { return 0.0 * sum(theta) + 3.0; }};
                      }};
  const Page at_once = page(run({still}, {method("sgd")}, {.trials = 0, .seeds = 1, .budget = 5}));
  const Page::Line& all = chart(at_once.charts, "Targets reached").lines[0];  // by the start
  CHECK(all.x[0] == std::vector<double>{1, 5});
  CHECK(all.y == std::vector<double>{1, 1});

  const Results nothing({problem("beale"), problem("mlp:sine")}, {method("adam")}, small, {});
  const Page interrupted = page(nothing);
  CHECK(interrupted.about.find("interrupted") != std::string::npos);
  CHECK(interrupted.table.rows.empty());
  CHECK(interrupted.html().size() > 1000);

  const Problem straight{"straight", [](std::uint64_t) {
                           const Variable x = parameter(tensor({1.0, 1.0}, f64));
                           return Instance{{x}, [x] { return sum(square(x)); }};
                         }};
  CHECK(page(run({straight}, {method("sgd:lr=0.1")}, small)).problems[0].landscapes.empty());
}
