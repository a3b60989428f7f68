/// @file
/// Functions of two parameters seen from above: contours, gradient arrows, and the paths of optimizers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <ravine/autograd/grad.hpp>
#include <ravine/report/panel.hpp>

namespace ravine::detail {
struct Grid;
}

namespace ravine::report {

struct ContourOptions {
  std::string title = "";
  std::string x_label = "θ₁", y_label = "θ₂";
  Limits x_limits = {-1.0, 1.0}, y_limits = {-1.0, 1.0};  ///< the domain, finite
  int resolution = 100;             ///< the function is evaluated on a grid of so many points by as many
  int arrows = 14;                  ///< gradient arrows along the longer side; 0: none
  std::vector<double> levels = {};  ///< values whose contours are drawn; if empty, the function decides
  int width = 560, height = 520;    ///< of the panel, in pixels of 1/96 inch; at least 100
};

/// Contours of a function f(θ₁, θ₂) with paths on them, made by `contour`. Points outside the domain are cut off, and
/// where a point is NaN or infinite a path is interrupted.
///
///     report::contour(landscapes::beale, {.x_limits = {-4.5, 4.5}, .y_limits = {-4.5, 4.5}})
///         .path(points, "Adam")
///         .minimum(tensor({3.0, 0.5}))
///         .save("race.svg");
///
/// Points are a tensor (n, 2), or (2) for a single one, f32 or f64; ShapeError, DTypeError for others.
class Contour : public Panel {
 public:
  /// A line through the points in their order, in its own colour and dash, with marks on the way and at its end.
  Contour& path(const Tensor& points, const std::string& label = "");
  /// The same for points as an optimizer passes them, vectors (2): `points.push_back(theta.value().clone())`.
  Contour& path(const std::vector<Tensor>& points, const std::string& label = "");
  /// An open disc where paths start.
  Contour& start(const Tensor& points, const std::string& label = "start");
  /// A star where the function is lowest.
  Contour& minimum(const Tensor& points, const std::string& label = "minimum");

 private:
  explicit Contour(const ContourOptions& options);
  void draw(const detail::Grid& grid, const ContourOptions& options,
            FunctionRef<std::pair<double, double>(double, double)> slope);
  Contour& marks(const char* op, const Tensor& points, const std::string& style, const std::string& label);
  friend Contour contour(Function f, const ContourOptions& options);
  friend Contour contour(const Tensor& values, const ContourOptions& options);

  Limits x_, y_;
};

/// The contours of f, which takes a vector (2), of f64 or, if it refuses that, of f32, and gives one element. Levels
/// are evenly spaced in the logarithm of f (of its height above the lowest value, where f is not positive), or evenly
/// where it has no minimum inside the domain. Arrows point along the gradient, uphill; their length grows with its
/// logarithm. Both axes have the same unit unless one would be more than three times as long as the other. Where f is
/// NaN or infinite the picture is left white.
///   throws   ShapeError if f gives more than one element; std::invalid_argument for limits that are not finite and
///            ascending, a resolution outside 2 to 1000, levels that are not finite, or if f is finite nowhere on the
///            grid; what f throws
Contour contour(Function f, const ContourOptions& options);
/// The same of values on a grid, (rows, columns): the first row is at y_limits.low, the first column at x_limits.low.
/// `resolution` has no meaning. Throws as well ShapeError, DTypeError for less than two rows or columns, or integers.
Contour contour(const Tensor& values, const ContourOptions& options);

}  // namespace ravine::report
