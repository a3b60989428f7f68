// Why gradient descent goes where it goes: of all small steps the best one is along the gradient, downwards.
// best_direction [PICTURE]
// On circles of radius d around a point of Beale's function: which step lowers the cost most, and how far from -g it
// is.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

namespace rv = ravine;
namespace report = rv::report;

namespace {

const rv::Tensor centre = rv::tensor({1.9, -0.4}, rv::f64);

rv::Tensor on_circle(double radius, double angle) {
  return centre + rv::tensor({radius * std::cos(angle), radius * std::sin(angle)}, rv::f64);
}

// The points of a circle, and a gap behind them.
rv::Tensor circle(double radius) {
  std::vector<rv::Tensor> points;
  for (int k = 0; k <= 90; ++k) points.push_back(on_circle(radius, k * std::numbers::pi / 45.0));
  points.push_back(rv::full({2}, NAN, rv::f64));
  return rv::stack(points, 0);
}

// The angle at which f is lowest on a circle: of 3600, then of 200 closer and closer ones around the best.
template <class F>
double best_angle(double radius, F&& f) {
  double best = 0.0, step = std::numbers::pi / 1800.0;
  const auto look = [&](double middle, int each_side) {
    double lowest = INFINITY;
    for (int k = -each_side; k <= each_side; ++k) {
      const double angle = middle + k * step, value = f(on_circle(radius, angle));
      if (value < lowest) lowest = value, best = angle;
    }
  };
  look(0.0, 1800);
  for (int zoom = 0; zoom < 3; ++zoom, step /= 50.0) look(best, 100);
  return best;
}

double degrees_between(double a, double b) {
  return std::abs(std::remainder(a - b, 2.0 * std::numbers::pi)) * 180.0 / std::numbers::pi;
}

}  // namespace

int main(int argc, char** argv) try {
  const rv::optim::Taylor at = rv::optim::taylor(rv::landscapes::beale, centre);
  const double down = std::atan2(-at.gradient.at({1}), -at.gradient.at({0})), size = rv::norm(at.gradient).item();
  auto contour = report::contour(rv::landscapes::beale, {.title = "In small balls the best step is along −g",
                                                         .x_limits = {0.9, 2.9},
                                                         .y_limits = {-1.4, 0.6},
                                                         .arrows = 0});
  std::puts("                     by the first order               by the cost itself");
  std::puts("radius d    angle to -g   fall / (d |g|)   angle to -g   fall / (d |g|)");
  std::vector<rv::Tensor> best_points, circles;
  double angle = 0.0;
  bool first_order = true;
  for (const double radius : {0.9, 0.7, 0.5, 0.3, 0.1, 0.01, 1e-3}) {
    const double linear = best_angle(radius, [&](const rv::Tensor& theta) { return at.first_order(theta); });
    const double best =
        best_angle(radius, [&](const rv::Tensor& theta) { return rv::landscapes::beale(theta).item(); });
    const auto fall = [&](double value) { return (at.value - value) / (radius * size); };
    angle = degrees_between(best, down);
    std::printf("%8g %14.4f %16.6f %13.4f %16.6f\n", radius, degrees_between(linear, down),
                fall(at.first_order(on_circle(radius, linear))), angle,
                fall(rv::landscapes::beale(on_circle(radius, best)).item()));
    first_order = first_order && degrees_between(linear, down) < 0.01;
    if (radius >= 0.1) best_points.push_back(on_circle(radius, best));
    if (radius >= 0.1) circles.push_back(circle(radius));
  }
  const bool confirmed = first_order && angle < 0.1;
  std::printf("The best small step is along -g: %s.\n", confirmed ? "confirmed" : "refuted");
  if (argc < 2) return confirmed ? 0 : 1;
  contour.path(rv::concat(circles, 0), "balls")
      .path({centre, on_circle(0.9, down)}, "along −g")
      .path(best_points, "best steps")
      .start(centre, "θ")
      .save(argv[1]);
  return confirmed ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "best_direction: %s\n", e.what());
  return 1;
}
