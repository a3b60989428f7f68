#include <ravine/optim/landscapes.hpp>

#include <cmath>
#include <limits>
#include <numbers>

#include <ravine/autograd/arithmetic.hpp>
#include <ravine/autograd/linalg.hpp>
#include <ravine/autograd/math.hpp>
#include <ravine/autograd/reduce.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>

namespace ravine::landscapes {
namespace {

using detail::check_floating;
using std::numbers::e, std::numbers::pi;

void check(const char* name, const Variable& theta, Index d) {
  if (theta.shape() != Shape{d})
    throw ShapeError(detail::text(name, ": needs shape ", Shape{d}, ", got ", theta.shape()));
  check_floating(name, theta.value());
}

/// Of any size but 0.
void check_vector(const char* name, const Variable& theta) {
  if (theta.rank() != 1 || theta.numel() == 0)
    throw ShapeError(detail::text(name, ": needs a vector of one or more, got ", theta.shape()));
  check_floating(name, theta.value());
}

}  // namespace

Variable beale(const Variable& theta) {
  check("beale", theta, 2);
  const Variable x = theta[0], y = theta[1];
  const Variable xy = x * y, xyy = xy * y;
  return square(1.5 - x + xy) + square(2.25 - x + xyy) + square(2.625 - x + xyy * y);
}

Variable rosenbrock(const Variable& theta) {
  check("rosenbrock", theta, 2);
  const Variable x = theta[0], y = theta[1];
  return square(1.0 - x) + 100.0 * square(y - square(x));
}

Variable himmelblau(const Variable& theta) {
  check("himmelblau", theta, 2);
  const Variable x = theta[0], y = theta[1];
  return square(square(x) + y - 11.0) + square(x + square(y) - 7.0);
}

Variable booth(const Variable& theta) {
  check("booth", theta, 2);
  const Variable x = theta[0], y = theta[1];
  return square(x + 2.0 * y - 7.0) + square(2.0 * x + y - 5.0);
}

Variable matyas(const Variable& theta) {
  check("matyas", theta, 2);
  return 0.26 * sum(square(theta)) - 0.48 * (theta[0] * theta[1]);
}

Variable mccormick(const Variable& theta) {
  check("mccormick", theta, 2);
  const Variable x = theta[0], y = theta[1];
  return sin(x + y) + square(x - y) - 1.5 * x + 2.5 * y + 1.0;
}

Variable three_hump_camel(const Variable& theta) {
  check("three_hump_camel", theta, 2);
  const Variable x = theta[0], y = theta[1];
  const Variable xx = square(x);
  return xx * (xx * (xx / 6.0 - 1.05) + 2.0) + (x + y) * y;
}

Variable styblinski_tang(const Variable& theta) {
  check_vector("styblinski_tang", theta);
  const Variable squares = square(theta);
  return 0.5 * sum(square(squares) - 16.0 * squares + 5.0 * theta);
}

Variable rastrigin(const Variable& theta) {
  check_vector("rastrigin", theta);
  return sum(square(theta) - 10.0 * cos(2.0 * pi * theta)) + 10.0 * static_cast<double>(theta.numel());
}

Variable ackley(const Variable& theta) {
  check_vector("ackley", theta);
  const double scale = -0.2 / std::sqrt(static_cast<double>(theta.numel()));
  return -20.0 * exp(scale * norm(theta)) - exp(mean(cos(2.0 * pi * theta))) + (20.0 + e);
}

Variable saddle(const Variable& theta) {
  check("saddle", theta, 2);
  return square(theta[0]) - square(theta[1]);
}

Variable monkey_saddle(const Variable& theta) {
  check("monkey_saddle", theta, 2);
  const Variable x = theta[0], y = theta[1];
  return x * (square(x) - 3.0 * square(y));
}

Callable<Variable(const Variable&)> quadratic(const Tensor& A) {
  if (A.rank() != 2 || A.size(0) != A.size(1) || A.numel() == 0)
    throw ShapeError(detail::text("quadratic: A must be a square matrix, got ", A.shape()));
  check_floating("quadratic", A);
  const double asymmetry = max(abs(A - transpose(A))).item();
  if (!(asymmetry <= 1e-5 * max(abs(A)).item()))
    throw std::invalid_argument(
        detail::text("quadratic: A must be symmetric, but differs from its transpose by ", asymmetry));
  return [A = A.clone()](const Variable& theta) {
    check("quadratic", theta, A.size(0));
    return 0.5 * sum(theta * matmul(A.to(theta.dtype()), theta));
  };
}

std::vector<Landscape> all() {
  constexpr double unbounded = -std::numeric_limits<double>::infinity();
  constexpr double tang = -2.903534027771177;
  const auto ravine = quadratic(tensor({{1, 0}, {0, 50}}, f64));
  return {
      {"beale", 2, {-4.5, -4.5}, {4.5, 4.5}, {1.0, -0.5}, {{3.0, 0.5}}, 0.0, beale},
      {"rosenbrock", 2, {-2.0, -1.0}, {2.0, 3.0}, {-1.2, 1.0}, {{1.0, 1.0}}, 0.0, rosenbrock},
      {"himmelblau",
       2,
       {-5.0, -5.0},
       {5.0, 5.0},
       {-1.0, 0.5},
       {{3.0, 2.0},
        {-2.805118086952745, 3.131312518250573},
        {-3.779310253377747, -3.2831859912861696},
        {3.5844283403304917, -1.8481265269644036}},
       0.0,
       himmelblau},
      {"booth", 2, {-10.0, -10.0}, {10.0, 10.0}, {-3.0, 2.0}, {{1.0, 3.0}}, 0.0, booth},
      {"matyas", 2, {-10.0, -10.0}, {10.0, 10.0}, {-8.0, 6.0}, {{0.0, 0.0}}, 0.0, matyas},
      {"mccormick",
       2,
       {-1.5, -3.0},
       {4.0, 4.0},
       {3.0, 1.5},
       {{0.5 - pi / 3.0, -0.5 - pi / 3.0}},
       -0.5 * std::numbers::sqrt3 - pi / 3.0,
       mccormick},
      {"three_hump_camel", 2, {-5.0, -5.0}, {5.0, 5.0}, {1.5, 1.5}, {{0.0, 0.0}}, 0.0, three_hump_camel},
      {"styblinski_tang",
       2,
       {-5.0, -5.0},
       {5.0, 5.0},
       {0.5, -1.0},
       {{tang, tang}},
       2.0 * -39.166165703771415,
       styblinski_tang},
      {"rastrigin", 2, {-5.12, -5.12}, {5.12, 5.12}, {2.2, -1.6}, {{0.0, 0.0}}, 0.0, rastrigin},
      {"ackley", 2, {-5.0, -5.0}, {5.0, 5.0}, {2.2, -1.6}, {{0.0, 0.0}}, 0.0, ackley},
      {"saddle", 2, {-2.0, -2.0}, {2.0, 2.0}, {0.5, 0.001}, {}, unbounded, saddle},
      {"monkey_saddle", 2, {-2.0, -2.0}, {2.0, 2.0}, {0.4, 0.3}, {}, unbounded, monkey_saddle},
      {"ravine", 2, {-3.0, -3.0}, {3.0, 3.0}, {-2.0, 1.5}, {{0.0, 0.0}}, 0.0, ravine},
  };
}

}  // namespace ravine::landscapes
