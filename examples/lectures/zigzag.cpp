// The ravine: plain descent zigzags across it and is slow along it, and momentum cures that: zigzag [PICTURE]
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace rv = ravine;
namespace report = rv::report;

namespace {

constexpr double low = 1.0, high = 50.0;  // curvatures along x and y

rv::Variable ravine_cost(const rv::Variable& theta) {
  return 0.5 * (low * rv::square(theta[0]) + high * rv::square(theta[1]));
}

// The points until the cost is 1e-6 of what it was at the start.
rv::Tensor descend(double rate, double momentum) {
  const rv::Variable theta = rv::parameter(rv::tensor({-2.5, 0.9}, rv::f64));
  rv::optim::SGD sgd({theta}, {.lr = rate, .momentum = momentum});
  std::vector<rv::Tensor> path = {theta.value().clone()};
  const double goal = 1e-6 * ravine_cost(theta).item();
  while (sgd.steps() < 10000 && ravine_cost(theta).item() > goal) {
    sgd.step([&] { return ravine_cost(theta); });
    path.push_back(theta.value().clone());
  }
  return rv::stack(path, 0);
}

// How often y changes its sign in the first 20 steps, and how far along the floor the path then is.
void print(const char* name, double rate, double momentum, const rv::Tensor& path) {
  int changes = 0;
  for (rv::Index t = 0; t < 20; ++t) changes += path.at({t, 1}) * path.at({t + 1, 1}) < 0.0;
  std::printf("%-26s %6.4f %10.4f %7d %20d %18.2f\n", name, rate, momentum, static_cast<int>(path.size(0)) - 1, changes,
              path.at({20, 0}));
}

}  // namespace

int main(int argc, char** argv) try {
  // The fastest of each kind on a quadratic with these curvatures (Polyak, 1964), and calmer ones.
  const double low_root = std::sqrt(low), high_root = std::sqrt(high), fastest = 2.0 / (low + high);
  const double heavy_rate = std::pow(2.0 / (low_root + high_root), 2),
               heavy_momentum = std::pow((high_root - low_root) / (high_root + low_root), 2);
  const rv::Tensor plain = descend(fastest, 0.0), slow = descend(0.01, 0.0), calm = descend(0.02, 0.8),
                   heavy = descend(heavy_rate, heavy_momentum);

  std::puts("                            rate   momentum   steps   of 20 change sides   x after 20 steps");
  print("plain, the fastest", fastest, 0.0, plain);
  print("plain, at half of 1 / 50", 0.01, 0.0, slow);
  print("with momentum, calm", 0.02, 0.8, calm);
  print("with momentum, the fastest", heavy_rate, heavy_momentum, heavy);
  const double gain = static_cast<double>(plain.size(0) - 1) / static_cast<double>(heavy.size(0) - 1);
  std::printf("The zigzag of plain descent is confirmed; momentum needs %.1f times fewer steps: its cure is %s.\n",
              gain, gain > 2.0 ? "confirmed" : "refuted");
  if (argc < 2) return gain > 2.0 ? 0 : 1;

  const auto panel = [&](const std::string& title, const rv::Tensor& path) {
    auto contour = report::contour(ravine_cost, {.title = title + std::to_string(path.size(0) - 1) + " steps",
                                                 .x_limits = {-3, 1},
                                                 .y_limits = {-1.2, 1.2},
                                                 .arrows = 0,
                                                 .width = 700,
                                                 .height = 420});
    contour.path(path, "path").start(path[0]).minimum(rv::zeros({2}, rv::f64));
    return contour;
  };
  report::save_grid(argv[1],
                    {panel("Plain descent at its fastest zigzags: ", plain), panel("At a lower rate it creeps: ", slow),
                     panel("Momentum 0.8 builds up speed along the floor: ", calm)},
                    1);
  return gain > 2.0 ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "zigzag: %s\n", e.what());
  return 1;
}
