// The figures in docs/comparing.md that ravine compare does not print: paths [trials [seeds]]
// How soon methods leave a saddle from 10^-6 beside its ridge, how straight their paths to Beale's minimum are, from
// which rate on SGD diverges, and what batches of a size bring after so many rows and so many steps.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace rv = ravine;
namespace compare = rv::compare;
using compare::Phase;

namespace {

compare::Problem ridge() {
  const auto make = [](std::uint64_t seed) {
    rv::Generator generator(seed);
    const auto theta = rv::parameter(rv::tensor({0.5, 1e-6 * (1.0 + generator.next_uniform())}, rv::f64));
    return compare::Instance{{theta}, [theta] { return rv::landscapes::saddle(theta); }};
  };
  return {"ridge", make, -std::numeric_limits<double>::infinity()};
}

// Of a path to the minimum (3, 0.5), until the main target: parts of the distance at the start.
struct Path {
  double length;   // all of it
  double rebound;  // the furthest it goes away again
};

Path path_of(const compare::Run& run) {
  const double start = std::hypot(run.curve[0].x - 3.0, run.curve[0].y - 0.5), infinity = HUGE_VAL;
  if (run.status == compare::Status::diverged) return {infinity, infinity};
  double length = 0.0, nearest = start, rebound = 0.0;
  for (std::size_t i = 1; i < run.curve.size() && run.curve[i - 1].evaluations != run.evaluations_to_target[12]; ++i) {
    const auto &p = run.curve[i - 1], &q = run.curve[i];
    const double distance = std::hypot(q.x - 3.0, q.y - 0.5);
    length += std::hypot(q.x - p.x, q.y - p.y);
    nearest = std::min(nearest, distance);
    rebound = std::max(rebound, distance - nearest);
  }
  return {length / start, rebound / start};
}

void print(const char* what, const std::vector<double>& values) {
  const auto interval = compare::MedianBootstrap(static_cast<rv::Index>(values.size()))(values);
  std::printf("  %s %.3g (%.3g to %.3g)", what, compare::median(values), interval.low, interval.high);
}

void print_paths(const compare::Problem& beale, std::span<const compare::Run> runs) {
  std::vector<double> lengths, rebounds;
  for (const auto& run : runs) {
    const auto again =
        compare::run_once(beale, run.options, run.seed, {.budget = 2000, .curve = true, .path = true, .stop = {}});
    const Path path = path_of(*again);
    lengths.push_back(path.length);
    rebounds.push_back(path.rebound);
  }
  print("length", lengths);
  print("away again", rebounds);
}

std::vector<double> each(std::span<const compare::Run> runs, double (*f)(const compare::Run&)) {
  std::vector<double> values;
  for (const auto& run : runs) values.push_back(f(run));
  return values;
}

// The rates about 2 / curvature that were tried.
void print_rates(const compare::Protocol& protocol, const std::string& problem, double curvature) {
  const auto results = compare::run({compare::problem(problem)}, {compare::method("sgd")}, protocol);
  double converges = 0.0, diverges = HUGE_VAL;
  for (const auto& run : results.runs(problem, "sgd", Phase::tune)) {
    const double rate = std::atof(run.options.c_str() + std::strlen("sgd:lr="));
    if (run.status == compare::Status::diverged)
      diverges = std::min(diverges, rate);
    else
      converges = std::max(converges, rate);
  }
  std::printf("%s: 2 / curvature is %g, the highest rate that does not diverge %g, the lowest that does %g\n",
              problem.c_str(), 2.0 / curvature, converges, diverges);
}

// What SGD, tuned for so many steps, leaves of the loss.
void print_batches(compare::Protocol protocol, rv::Index batch, rv::Index steps) {
  protocol.budget = steps;
  const auto cars = compare::problem("mlp:cars,batch=" + std::to_string(batch));
  const auto results = compare::run({cars}, {compare::method("sgd")}, protocol);
  const auto runs = results.runs(cars.name, "sgd", Phase::final);
  std::printf("%s, %ld rows in %ld steps of %.2g us:", cars.name.c_str(), batch * steps, steps,
              1e6 * compare::median(each(runs, [](const auto& run) { return run.step_seconds; })) / steps);
  print("loss", each(runs, [](const auto& run) { return run.score(); }));
  print("test loss", each(runs, [](const auto& run) { return run.test_loss; }));
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  const compare::Protocol protocol{.trials = argc > 1 ? std::atol(argv[1]) : 16,
                                   .seeds = argc > 2 ? std::atol(argv[2]) : 20};
  const auto beale = compare::problem("beale");
  std::vector<compare::Method> methods;
  for (const char* name : {"sgd", "sgd:momentum=0.9", "sgd:momentum=0.9,nesterov=lookahead", "adagrad", "rmsprop",
                           "adadelta", "adam", "adamw", "adabelief"})
    methods.push_back(compare::method(name));
  const auto results = compare::run({ridge(), beale}, methods, protocol);
  for (const auto& row : results.table()) {
    std::printf("%s, %s, %s:", row.problem.c_str(), row.options.c_str(), compare::name(row.phase));
    std::printf("  %g (%g to %g) evaluations", row.median_evaluations, row.low, row.high);
    if (row.problem == "beale") print_paths(beale, results.runs(row.problem, row.method, row.phase));
    std::printf("\n");
  }
  print_rates(protocol, "ravine", 50.0);
  print_rates(protocol, "quadratic:dim=10,condition=100", 100.0);
  print_rates(protocol, "quadratic:dim=10,condition=1000", 1000.0);
  for (const rv::Index batch : {1, 8, 32, 128, 313}) {
    print_batches(protocol, batch, 2000 / batch);
    if (batch > 1) print_batches(protocol, batch, 2000);
  }
}
