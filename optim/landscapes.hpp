/// @file
/// Functions of a few numbers on which optimizers are compared.
///
/// theta is a vector (d) of f32 or f64, the result a scalar of its dtype. Each function throws ShapeError, naming
/// itself, for any other shape, and DTypeError for an integer theta. In the formulas theta = (x, y).
#pragma once

#include <string>
#include <vector>

#include <ravine/autograd/variable.hpp>
#include <ravine/core/callable.hpp>

/// Functions on which optimizers are compared.
namespace ravine::landscapes {

/// (1.5 - x + xy)^2 + (2.25 - x + xy^2)^2 + (2.625 - x + xy^3)^2: flat, with steep walls. Minimum 0 at (3, 0.5).
Variable beale(const Variable& theta);
/// (1 - x)^2 + 100 (y - x^2)^2: a curved valley. Minimum 0 at (1, 1).
Variable rosenbrock(const Variable& theta);
/// (x^2 + y - 11)^2 + (x + y^2 - 7)^2. Four minima of 0.
Variable himmelblau(const Variable& theta);
/// (x + 2y - 7)^2 + (2x + y - 5)^2. Minimum 0 at (1, 3).
Variable booth(const Variable& theta);
/// 0.26 (x^2 + y^2) - 0.48 xy: a quadratic with curvatures 0.04 and 1. Minimum 0 at (0, 0).
Variable matyas(const Variable& theta);
/// sin(x + y) + (x - y)^2 - 1.5x + 2.5y + 1. Minimum -sqrt(3)/2 - pi/3 at (1/2 - pi/3, -1/2 - pi/3) of those nearby;
/// without a lower bound far away.
Variable mccormick(const Variable& theta);
/// 2x^2 - 1.05x^4 + x^6/6 + xy + y^2. Minimum 0 at (0, 0), two higher ones beside it.
Variable three_hump_camel(const Variable& theta);
/// The sum of (x^4 - 16x^2 + 5x)/2 over all d coordinates. Minimum -39.16616570377142 d where all are -2.903534….
Variable styblinski_tang(const Variable& theta);
/// 10 d + the sum of x^2 - 10 cos(2 pi x) over all d coordinates: a minimum near every whole number, 0 at the origin.
Variable rastrigin(const Variable& theta);
/// -20 exp(-0.2 sqrt(mean x^2)) - exp(mean cos(2 pi x)) + 20 + e over d >= 1 coordinates: many minima around a funnel.
/// 0 at the origin, where it has a kink; its gradient there counts as 0.
Variable ackley(const Variable& theta);
/// x^2 - y^2.
Variable saddle(const Variable& theta);
/// x^3 - 3xy^2: a critical point at the origin where the Hessian is 0 too.
Variable monkey_saddle(const Variable& theta);

/// The function 1/2 theta^T A theta, whose Hessian is A; it converts A to theta's dtype. Throws ShapeError if A is not
/// square, DTypeError if it is not floating, std::invalid_argument if it is not symmetric up to rounding.
Callable<Variable(const Variable&)> quadratic(const Tensor& A);

/// A function with what a comparison or a picture needs to know of it.
struct Landscape {
  std::string name;
  Index dimension;
  std::vector<double> low, high;            ///< the domain: limits of each coordinate
  std::vector<double> start;                ///< where a comparison usually starts
  std::vector<std::vector<double>> minima;  ///< all points of the domain with the lowest value; none for a saddle
  double minimum;                           ///< the lowest value; -infinity if there is none
  Callable<Variable(const Variable&)> f;
};

/// All of the above in two dimensions, and "ravine", (x^2 + 50y^2)/2.
std::vector<Landscape> all();

}  // namespace ravine::landscapes
