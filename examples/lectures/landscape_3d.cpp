// A cost of two parameters as a landscape, with the paths of two optimizers on it and below it: landscape_3d [PICTURE]
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

namespace rv = ravine;
namespace report = rv::report;

namespace {

// A deep hollow and a small one, a hill and a slope.
rv::Variable cost(const rv::Variable& theta) {
  const auto bump = [&](double x, double y, double width) {
    const rv::Variable d = rv::square(theta[0] - x) + rv::square(theta[1] - y);
    return rv::exp(-1.0 / (width * width) * d);
  };
  return 0.06 * rv::sum(rv::square(theta)) + 1.2 * bump(-0.3, 1.0, 0.9) - 1.8 * bump(1.1, -0.9, 0.9) -
         0.5 * bump(-0.5, -1.1, 0.5);
}

// The points after each step, (steps + 1, 2).
rv::Tensor descend(const std::string& optimizer, int steps) {
  const rv::Variable theta = rv::parameter(rv::tensor({-1.2, 0.6}, rv::f64));
  const auto o = rv::optim::make(optimizer, {theta});
  std::vector<rv::Tensor> path = {theta.value().clone()};
  while (o->steps() < steps) {
    o->step([&] { return cost(theta); });
    path.push_back(theta.value().clone());
  }
  const rv::Tensor& end = path.back();
  std::printf("%-24s from a cost of %.4f to %.4f at (%.4f, %.4f)\n", optimizer.c_str(), cost(path[0]).item(),
              cost(end).item(), end.at({0}), end.at({1}));
  return rv::stack(path, 0);
}

}  // namespace

int main(int argc, char** argv) try {
  const rv::Tensor plain = descend("sgd:lr=0.02", 400), heavy = descend("sgd:lr=0.02,momentum=0.9", 400);
  if (argc < 2) return 0;
  report::surface(cost, {.title = "A landscape, two paths and their shadows",
                         .z_label = "cost",
                         .x_limits = {-2.4, 2.4},
                         .y_limits = {-2.4, 2.4}})
      .path(plain, "gradient descent")
      .path(heavy, "with momentum 0.9")
      .start(plain[0])
      .save(argv[1]);
} catch (const std::exception& e) {
  std::fprintf(stderr, "landscape_3d: %s\n", e.what());
  return 1;
}
