// Flat minima against sharp ones, and SAM, which minimizes the worst loss nearby: flat_and_sharp [PICTURE]
// In the side of a wide bowl is a narrow hole, which is deeper: plain descent falls into it, SAM climbs out and stops
// as far away as it looks, with the hole's bottom in sight; plain descent goes on from there to the wide minimum. Then
// networks on few noisy points: how sharp their minima are, by the largest eigenvalue of the Hessian.
#include <ravine/ravine.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace optim = rv::optim;
namespace report = rv::report;

namespace {

// A wide bowl with a narrow hole in its side.
rv::Variable bowl(const rv::Variable& theta) {
  const rv::Variable far = rv::square(theta[0] + 1.0) + rv::square(theta[1] - 0.2);
  return 0.3 * rv::sum(rv::square(theta)) - 0.7 * rv::exp(-0.5 / (0.13 * 0.13) * far);
}

rv::Tensor descend(const std::string& optimizer, const rv::Tensor& start) {
  const rv::Variable theta = rv::parameter(start.clone());
  const auto o = optim::make(optimizer, {theta});
  std::vector<rv::Tensor> path = {start};
  while (o->steps() < 400) {
    o->step([&] { return bowl(theta); });
    path.push_back(theta.value().clone());
  }
  const optim::Taylor end = optim::taylor(bowl, path.back());
  std::printf("%-28s from (%5.2f, %5.2f) to (%5.2f, %5.2f): f = %6.3f, curvature %5.2f\n", optimizer.c_str(),
              start.at({0}), start.at({1}), path.back().at({0}), path.back().at({1}), end.value,
              rv::max(optim::symmetric_eigen(end.hessian).values).item());
  return rv::stack(path, 0);
}

// f along y = 0.2, and the highest f within a distance of rho: what SAM lowers.
report::Plot worst_nearby(double rho) {
  std::vector<double> x, f, worst;
  for (double at = -2.0; at <= 2.0; at += 0.02) {
    const auto value = [&](double x, double y) { return bowl(rv::tensor({x, y}, rv::f64)).item(); };
    x.push_back(at);
    f.push_back(value(at, 0.2));
    worst.push_back(f.back());
    for (int k = 0; k < 36; ++k)
      worst.back() =
          std::max(worst.back(), value(at + rho * std::cos(k * M_PI / 18.0), 0.2 + rho * std::sin(k * M_PI / 18.0)));
  }
  report::Plot plot({.title = "The sharp minimum is deeper, but not for SAM",
                     .x_label = "θ₁",
                     .y_label = "f",
                     .width = 560,
                     .height = 520});
  const rv::Tensor xs = rv::tensor(x, rv::f64);
  plot.line(xs, rv::tensor(f, rv::f64), "f(θ₁, 0.2)").line(xs, rv::tensor(worst, rv::f64), "max f within ρ = 0.4");
  return plot;
}

struct Trained {
  double sharpness, loss, right;  // right: share of other points
};

Trained train(const std::string& optimizer, std::uint64_t seed) {
  rv::manual_seed(seed);
  const auto data = rv::data::two_moons(60, 0.25), test = rv::data::two_moons(2000, 0.25);
  nn::Sequential net = nn::mlp({2, 32, 32, 2});
  const auto loss = [&] { return nn::cross_entropy(net(data.inputs()), data.targets()); };
  const auto o = optim::make(optimizer, net.parameters());
  while (o->steps() < 2000) o->step(loss);
  return {optim::hessian_eigen(net.parameters(), loss, 1).values.item(), loss().item(),
          nn::accuracy(net(test.inputs()), test.targets())};
}

double median(const std::vector<double>& values) {
  return rv::sort(rv::tensor(values, rv::f64)).values.at({static_cast<rv::Index>(values.size() / 2)});
}

}  // namespace

int main(int argc, char** argv) try {
  const rv::Tensor start = rv::tensor({-1.7, 0.5}, rv::f64);
  const rv::Tensor sgd = descend("sgd:lr=0.02", start), sam = descend("sam(sgd:lr=0.02):rho=0.4", start),
                   after = descend("sgd:lr=0.02", sam[-1]);
  auto contour =
      report::contour(bowl, {.title = "A wide bowl with a narrow, deeper hole",
                             .x_limits = {-2, 1},
                             .y_limits = {-1.5, 1.5},
                             .arrows = 0,
                             .levels = {-0.3, -0.2, -0.1, 0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.4}});
  contour.path(sgd, "SGD").path(sam, "SAM").path(after, "SGD after SAM").start(start);

  report::Plot bars({.title = "Networks: sharpness of the minimum, for ten seeds",
                     .y_label = "largest eigenvalue of the Hessian",
                     .y_log = true,
                     .width = 560,
                     .height = 520});
  std::puts("\nten networks, on 60 points of two moons   sharpness   training loss   right of 2000 others (medians)");
  std::vector<std::vector<double>> sharpness;
  for (const auto& [name, optimizer] :
       {std::pair("SGD", "sgd:lr=0.05,momentum=0.9"), {"SAM", "sam(sgd:lr=0.05,momentum=0.9):rho=0.1"}}) {
    std::vector<double> sharp, loss, right;
    std::vector<std::string> seeds;
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
      const Trained t = train(optimizer, seed);
      seeds.push_back(std::to_string(seed));
      sharp.push_back(t.sharpness);
      loss.push_back(t.loss);
      right.push_back(100.0 * t.right);
    }
    std::printf("%-40s %10.3f %15.4f %22.1f %%\n", optimizer, median(sharp), median(loss), median(right));
    bars.bars(seeds, rv::tensor(sharp, rv::f64), name);
    sharpness.push_back(sharp);
  }
  int flatter = 0;
  for (std::size_t i = 0; i < sharpness[0].size(); ++i) flatter += sharpness[1][i] < sharpness[0][i];
  std::printf("SAM's minimum is the flatter one with %d of 10 seeds: %s.\n", flatter,
              flatter > 8 ? "confirmed" : "refuted");
  if (argc > 1) report::save_grid(argv[1], {contour, worst_nearby(0.4), bars}, 3);
} catch (const std::exception& e) {
  std::fprintf(stderr, "flat_and_sharp: %s\n", e.what());
  return 1;
}
