// From beside the ridge of the saddle x^2 - y^2: leaving_a_saddle [PICTURE]
// The lectures say that SGD, momentum and Nesterov are slow to leave it, while adaptive methods leave at once. All have
// the same rate, and start closer and closer to the ridge y = 0, along which descent leads to the saddle point.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace rv = ravine;
namespace report = rv::report;
using rv::landscapes::saddle;

namespace {

const std::pair<const char*, const char*> methods[] = {
    {"SGD", "sgd:lr=0.01"},
    {"momentum", "sgd:lr=0.01,momentum=0.9"},
    {"Nesterov", "sgd:lr=0.01,momentum=0.9,nesterov=lookahead"},
    {"AdaGrad", "adagrad:lr=0.01"},
    {"AdaGrad, rate 0.1", "adagrad:lr=0.1"},
    {"RMSProp", "rmsprop:lr=0.01"},
    {"AdaDelta", "adadelta"},  // whose rate is a factor, 1 by default
    {"Adam", "adam:lr=0.01"},
};

// Until f has fallen to -1.
std::vector<rv::Tensor> leave(const char* optimizer, double distance) {
  const rv::Variable theta = rv::parameter(rv::tensor({1.0, distance}, rv::f64));
  const auto o = rv::optim::make(optimizer, {theta});
  std::vector<rv::Tensor> path = {theta.value().clone()};
  while (saddle(theta.value()).item() > -1.0 && o->steps() < 20000) {
    o->step([&] { return saddle(theta); });
    path.push_back(theta.value().clone());
  }
  return path;
}

}  // namespace

int main(int argc, char** argv) try {
  auto contour = report::contour(
      saddle,
      {.title = "From (1, 0.001), the rate is 0.01", .x_limits = {-0.6, 1.4}, .y_limits = {-0.6, 1.4}, .arrows = 0});
  report::Plot losses({.title = "f = x² − y² as it falls",
                       .x_label = "step",
                       .y_label = "f",
                       .x_limits = {0, 450},
                       .y_limits = {-1, 1},
                       .width = 560,
                       .height = 520});
  report::Plot steps({.title = "Steps until f = −1",
                      .x_label = "distance of the start from the ridge",
                      .y_label = "steps",
                      .x_log = true,
                      .y_log = true,
                      .width = 560,
                      .height = 520});
  const std::vector<double> distances = {1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12};
  std::printf("steps until f = -1 from a distance of");
  for (const double d : distances) std::printf("%8g", d);
  std::puts("");
  for (const auto& [name, optimizer] : methods) {
    std::vector<double> counts;
    std::printf("%-37s", name);
    for (const double distance : distances) {
      const auto path = leave(optimizer, distance);
      counts.push_back(static_cast<double>(path.size()) - 1.0);
      std::printf("%8.0f", counts.back());
      if (distance != 1e-3) continue;
      std::vector<double> f;
      for (const rv::Tensor& theta : path) f.push_back(saddle(theta).item());
      contour.path(path, name);
      losses.line(rv::arange(static_cast<rv::Index>(f.size()), rv::f64), rv::tensor(f, rv::f64), name);
    }
    std::puts("");
    steps.line(rv::tensor(distances, rv::f64), rv::tensor(counts, rv::f64), name);
  }
  contour.start(rv::tensor({1.0, 0.001}, rv::f64));
  if (argc > 1) report::save_grid(argv[1], {contour, losses, steps}, 3);
} catch (const std::exception& e) {
  std::fprintf(stderr, "leaving_a_saddle: %s\n", e.what());
  return 1;
}
