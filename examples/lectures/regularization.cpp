// How a penalty pulls the minimum: loss + lambda g(theta), for g = |theta|_2^2 and |theta|_1: regularization [PICTURE]
// The loss is a quadratic, so the pulled minima are known; gradient descent finds the same ones.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <functional>
#include <numbers>
#include <vector>

namespace rv = ravine;
namespace report = rv::report;
using Penalty = std::function<rv::Variable(const rv::Variable&)>;

namespace {

const rv::Tensor A = rv::tensor({{1.0, 0.2}, {0.2, 0.6}}, rv::f64), best = rv::tensor({2.0, 0.9}, rv::f64);

rv::Variable loss(const rv::Variable& theta) { return rv::landscapes::quadratic(A)(theta - best); }

// Where gradient descent ends on loss + lambda g, with rates that shrink, so that it settles in a kink as well.
rv::Tensor minimum(double lambda, const Penalty& g, double weight_decay = 0.0) {
  const rv::Variable theta = rv::parameter(best.clone());
  rv::optim::SGD sgd({theta}, {.lr = 0.2, .weight_decay = weight_decay});
  const auto schedule = rv::optim::cosine({.total_steps = 2000});
  while (sgd.steps() < 2000) {
    sgd.set_lr_factor(schedule(sgd.steps()));
    sgd.step([&] { return loss(theta) + lambda * g(theta); });
  }
  return theta.value().clone();
}

// Its gradient A (theta - best) + 2 lambda theta is 0.
rv::Tensor ridge(double lambda) { return rv::solve(A + 2.0 * lambda * rv::eye(2, rv::f64), rv::matmul(A, best)); }

// Where |theta|_p = r: points in steps of a degree, and a gap behind them.
rv::Tensor ball(double p, double radius) {
  std::vector<rv::Tensor> points;
  for (int degree = 0; degree <= 360; ++degree) {
    const double x = std::cos(degree * std::numbers::pi / 180.0), y = std::sin(degree * std::numbers::pi / 180.0);
    const double length = std::pow(std::pow(std::abs(x), p) + std::pow(std::abs(y), p), 1.0 / p);
    points.push_back(rv::tensor({x, y}, rv::f64) * (radius / length));
  }
  points.push_back(rv::full({2}, NAN, rv::f64));
  return rv::stack(points, 0);
}

report::Contour panel(const char* title, const std::vector<rv::Tensor>& minima, double p) {
  auto contour = report::contour(loss, {.title = title, .x_limits = {-0.9, 3.1}, .y_limits = {-1.5, 2.5}, .arrows = 0});
  contour.path(rv::concat({ball(p, 0.5), ball(p, 1.0), ball(p, 1.5)}, 0), "penalty").path(minima, "minima");
  contour.minimum(best, "λ = 0").start(rv::zeros({2}, rv::f64), "λ = ∞");
  return contour;
}

}  // namespace

int main(int argc, char** argv) try {
  const Penalty squares = [](const rv::Variable& theta) { return rv::sum(rv::square(theta)); };
  const Penalty sizes = [](const rv::Variable& theta) { return rv::sum(rv::abs(theta)); };
  std::puts("          loss + lambda |theta|_2^2                                     loss + lambda |theta|_1");
  std::puts("lambda         closed form      by the penalty    by weight_decay       by the penalty");
  double error = 0.0;
  std::vector<rv::Tensor> round = {best}, pointed = {best};
  for (const double lambda : {0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.9, 1.3, 1.8, 2.5, 4.0}) {
    const rv::Tensor exact = ridge(lambda), found = minimum(lambda, squares),
                     decayed = minimum(0.0, squares, 2.0 * lambda), sparse = minimum(lambda, sizes);
    const auto print = [](const rv::Tensor& theta) {
      std::printf("   (%7.4f, %7.4f)", theta.at({0}) + 0.0, theta.at({1}) + 0.0);
    };
    std::printf("%6g", lambda);
    for (const rv::Tensor& theta : {exact, found, decayed, sparse}) print(theta);
    std::puts("");
    error = std::fmax(error, rv::max(rv::abs(exact - found)).item());
    round.push_back(exact);
    pointed.push_back(sparse);
  }
  std::printf(
      "Descent on the penalty finds the closed form to %.0e; a penalty of squares makes theta small, one of sizes\n"
      "makes the second element 0 while the first is not.\n",
      error);
  if (argc > 1)
    report::save_grid(argv[1],
                      {panel("Loss + λ ‖θ‖₂²: all shrink", round, 2.0),
                       panel("Loss + λ ‖θ‖₁: one after the other becomes 0", pointed, 1.0)},
                      2);
  return error < 1e-3 ? 0 : 1;
} catch (const std::exception& e) {
  std::fprintf(stderr, "regularization: %s\n", e.what());
  return 1;
}
