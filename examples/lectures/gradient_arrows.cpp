// The gradient as arrows over the contours of a cost: gradient_arrows [PICTURE]
// Any function of two parameters will do, one of your own as well.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>

namespace rv = ravine;
namespace report = rv::report;

namespace {

// Of a line y = w x + b through five points; theta = (w, b).
rv::Variable mean_squared_error(const rv::Variable& theta) {
  const rv::Variable x = rv::tensor({-2, -1, 0, 1, 2}, rv::f64), y = rv::tensor({-2.1, -0.4, 0.3, 2.2, 2.5}, rv::f64);
  return rv::mean(rv::square(theta[0] * x + theta[1] - y));
}

// A small step along the gradient changes the cost by |g| times its length, one along the contour by nothing, up to
// squares of the length.
bool is_steepest(rv::Function f, double x, double y) {
  const double h = 1e-5;
  const rv::Tensor theta = rv::tensor({x, y}, rv::f64);
  const rv::optim::Taylor at = rv::optim::taylor(f, theta);
  const double size = rv::norm(at.gradient).item();
  const rv::Tensor up = at.gradient / size, level = rv::tensor({-up.at({1}), up.at({0})}, rv::f64);
  const auto slope = [&](const rv::Tensor& d) {
    return (f(theta + h * d).item() - f(theta - h * d).item()) / (2.0 * h);
  };
  std::printf("(%5.2f, %5.2f) %12.4f   (%9.4f, %9.4f) %12.4f %16.4f %15.1e\n", x, y, at.value, at.gradient.at({0}),
              at.gradient.at({1}), size, slope(up), slope(level));
  return std::abs(slope(up) - size) < 1e-5 * size && std::abs(slope(level)) < 1e-5 * size;
}

}  // namespace

int main(int argc, char** argv) try {
  std::puts("        theta         cost                 gradient          its size   slope along it   along contour");
  bool all = true;
  for (const auto& [w, b] : {std::pair(-1.0, 2.0), {0.5, -1.0}, {2.5, 1.5}})
    all &= is_steepest(mean_squared_error, w, b);
  for (const auto& [x, y] : {std::pair(0.0, 0.0), {-4.0, 1.0}, {2.0, 4.0}})
    all &= is_steepest(rv::landscapes::himmelblau, x, y);
  std::printf("The gradient is at right angles to the contours, and the slope along it is its size: %s.\n",
              all ? "confirmed" : "refuted");
  if (argc < 2) return all ? 0 : 1;

  auto line = report::contour(mean_squared_error, {.title = "Cost of a line y = wx + b through five points",
                                                   .x_label = "w",
                                                   .y_label = "b",
                                                   .x_limits = {-1.8, 4.2},
                                                   .y_limits = {-2.5, 3.5}});
  line.minimum(rv::tensor({1.18, 0.5}, rv::f64));
  auto four = report::contour(rv::landscapes::himmelblau,
                              {.title = "Himmelblau’s function", .x_limits = {-5.5, 5.5}, .y_limits = {-5.5, 5.5}});
  four.minimum(rv::tensor({{3, 2}, {-2.8051, 3.1313}, {-3.7793, -3.2832}, {3.5844, -1.8481}}, rv::f64));
  report::save_grid(argv[1], {line, four}, 2);
  return all ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "gradient_arrows: %s\n", e.what());
  return 1;
}
