// Learning-rate schedules, and what they are good for: schedules [PICTURE]
// With single examples a constant rate leaves descent wandering around the minimum; one that falls lets it settle.
#include <ravine/ravine.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>
#include <vector>

namespace rv = ravine;
namespace optim = rv::optim;
namespace report = rv::report;

namespace {

constexpr int steps = 1000, seeds = 20;

// The distance from the minimum of a quadratic whose gradients are noisy, after each step.
std::vector<double> distances(const optim::Schedule& schedule, std::uint64_t seed) {
  rv::manual_seed(seed);
  const rv::Variable theta = rv::parameter(rv::tensor({2.0, -1.0}, rv::f64));
  optim::SGD sgd({theta}, {.lr = 0.2});
  std::vector<double> all;
  while (sgd.steps() < steps) {
    sgd.set_lr_factor(schedule(sgd.steps()));
    const rv::Variable noise = rv::randn({2}, rv::f64);
    sgd.step([&] { return 0.5 * rv::sum(rv::square(theta)) + rv::sum(noise * theta); });
    all.push_back(rv::norm(theta.value()).item());
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::pair<const char*, optim::Schedule> schedules[] = {
      {"constant", [](rv::Index) { return 1.0; }},
      {"1 / √(t + 1)", [](rv::Index t) { return 1.0 / std::sqrt(static_cast<double>(t) + 1.0); }},
      {"halved every 150", optim::step_decay({.every = 150, .gamma = 0.5})},
      {"cosine", optim::cosine({.total_steps = steps})},
      {"warmup, then cosine", optim::warmup(100, optim::cosine({.total_steps = steps}))},
  };
  report::Plot rates({.title = "Rate over its largest", .x_label = "step t", .y_label = "factor"});
  report::Plot paths({.title = "Distance from the minimum, noisy gradients",
                      .x_label = "step t",
                      .y_label = "distance",
                      .y_log = true});
  std::printf("schedule               distance after %d steps: median of %d seeds\n", steps, seeds);
  double constant = 0.0, worst = 0.0;
  for (const auto& [name, schedule] : schedules) {
    std::vector<double> factors, last;
    std::vector<rv::Tensor> runs;
    for (rv::Index t = 0; t < steps; ++t) factors.push_back(schedule(t));
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      const std::vector<double> run = distances(schedule, seed);
      last.push_back(run.back());
      std::vector<double> smooth;  // the mean of ten steps: what is left is not noise alone
      for (std::size_t t = 0; t < run.size(); t += 10) {
        double sum = 0.0;
        for (std::size_t k = t; k < t + 10; ++k) sum += run[k] / 10.0;
        smooth.push_back(sum);
      }
      runs.push_back(rv::tensor(smooth, rv::f64));
    }
    const double median = rv::sort(rv::tensor(last, rv::f64)).values.at({seeds / 2});
    std::printf("%-20s %12.4f\n", name, median);
    (constant == 0.0 ? constant : worst) = constant == 0.0 ? median : std::max(worst, median);
    rates.line(rv::arange(steps, rv::f64), rv::tensor(factors, rv::f64), name);
    paths.band(10.0 * rv::arange(steps / 10, rv::f64) + 5.0, rv::stack(runs, 0), name);
  }
  std::printf("Rates that fall end nearer than a constant one: %s.\n", worst < constant ? "confirmed" : "refuted");
  if (argc > 1) report::save_grid(argv[1], {rates, paths}, 2);
  return worst < constant ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "schedules: %s\n", e.what());
  return 1;
}
