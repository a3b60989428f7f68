// Learning rates too low, right and too high, with a verdict for each: learning_rates [PICTURE]
// On the ravine (x^2 + 50 y^2) / 2, where theory says that rates above 2 / 50 diverge, and on a network.
#include <ravine/ravine.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace report = rv::report;

namespace {

struct Run {
  double rate;
  std::vector<double> losses;  // before each step, and after the last

  bool diverged() const { return !(losses.back() <= 10.0 * losses.front()); }  // NaN too
  double end() const { return diverged() ? INFINITY : losses.back(); }
};

// Ends where the loss is ten times what it was, or is no number any more.
Run descend(double rate, const std::vector<rv::Variable>& parameters, const std::function<rv::Variable()>& loss) {
  rv::optim::SGD sgd(parameters, {.lr = rate});
  Run run{rate, {loss().item()}};
  while (sgd.steps() < 150 && !run.diverged()) {
    sgd.step(loss);
    run.losses.push_back(loss().item());
  }
  return run;
}

Run on_ravine(double rate) {
  const rv::Variable theta = rv::parameter(rv::tensor({-2.0, 1.5}, rv::f64));
  const auto f = rv::landscapes::quadratic(rv::tensor({{1, 0}, {0, 50}}, rv::f64));
  const auto loss = [&] { return f(theta); };
  return descend(rate, {theta}, loss);
}

Run on_network(double rate) {
  rv::manual_seed(1);
  const auto data = rv::data::friedman1(400);
  const auto standardized = [](const rv::Tensor& x) { return rv::data::StandardScaler::fit(x).transform(x); };
  const rv::Tensor x = standardized(data.inputs()), y = standardized(data.targets());
  nn::Sequential net{nn::Linear(10, 32), nn::Tanh(), nn::Linear(32, 32), nn::Tanh(), nn::Linear(32, 1)};
  const auto loss = [&] { return nn::mse_loss(net(x), y); };
  return descend(rate, net.parameters(), loss);
}

// Beside the rate that ends lowest: one within a factor of 2 of its loss is right as well.
const char* verdict(const Run& run, const Run& best) {
  if (run.diverged()) return "diverges";
  if (run.end() <= 2.0 * best.end()) return "just right";
  return run.rate < best.rate ? "too low" : "too high";
}

report::Plot sweep(const char* title, Run (*run)(double), const std::vector<double>& rates, report::Limits limits) {
  std::vector<Run> runs;
  for (const double rate : rates) runs.push_back(run(rate));
  const Run& best = *std::min_element(runs.begin(), runs.end(), [](auto& a, auto& b) { return a.end() < b.end(); });
  report::Plot plot({.title = title, .x_label = "step", .y_label = "loss", .y_log = true, .y_limits = limits});
  std::printf("\n%s\n  rate    steps    last loss   verdict\n", title);
  for (const Run& r : runs) {
    std::printf("%6g %8d %12.2e   %s\n", r.rate, static_cast<int>(r.losses.size()) - 1, r.losses.back(),
                verdict(r, best));
    char label[64];
    std::snprintf(label, sizeof label, "%g: %s", r.rate, verdict(r, best));
    plot.line(rv::arange(static_cast<rv::Index>(r.losses.size()), rv::f64), rv::tensor(r.losses, rv::f64), label);
  }
  return plot;
}

}  // namespace

int main(int argc, char** argv) try {
  const std::vector<report::Panel> panels = {
      sweep("(x² + 50y²) / 2: rates above 2 / 50 diverge", on_ravine, {0.001, 0.01, 0.038, 0.0399, 0.0405},
            {1e-4, 1e3}),
      sweep("A network on Friedman’s function", on_network, {0.003, 0.03, 0.1, 0.3, 1.0, 3.0}, {0.03, 30.0})};
  const bool as_said = !on_ravine(0.0399).diverged() && on_ravine(0.0405).diverged();
  std::printf("\nOn the ravine 0.0399 converges and 0.0405 diverges, as 2 / 50 = 0.04 says: %s.\n",
              as_said ? "confirmed" : "refuted");
  if (argc > 1) report::save_grid(argv[1], panels, 2);
  return as_said ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "learning_rates: %s\n", e.what());
  return 1;
}
