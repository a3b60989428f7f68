/// @file
/// Functions of two parameters as surfaces in space, with the paths of optimizers on them.
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

struct SurfaceOptions {
  std::string title = "";
  std::string x_label = "θ₁", y_label = "θ₂", z_label = "f";
  Limits x_limits = {-1.0, 1.0}, y_limits = {-1.0, 1.0};  ///< the domain, finite
  Limits z_limits = {};                                   ///< what is lower or higher is cut off
  bool z_log = false;                                     ///< heights on a logarithmic axis
  int resolution = 50;                      ///< the function is evaluated on a grid of so many points by as many
  double elevation = 35.0, azimuth = 30.0;  ///< from where one looks, in degrees: above the floor, around the z axis
  int width = 640, height = 560;            ///< of the panel, in pixels of 1/96 inch; at least 100
};

/// A surface z = f(θ₁, θ₂) over its contours on the floor, with paths and their shadows, made by `surface`.
///
///     report::surface(landscapes::rosenbrock, {.x_limits = {-2, 2}, .y_limits = {-1, 3}, .z_log = true})
///         .path(points, "Adam")
///         .save("valley.svg");
///
/// Points are as for a Contour; those outside of the domain, or cut off with the surface, leave a gap.
class Surface : public Panel {
 public:
  /// A line through the points on the surface, in its own colour and dash, and its shadow on the floor.
  Surface& path(const Tensor& points, const std::string& label = "");
  Surface& path(const std::vector<Tensor>& points, const std::string& label = "");
  /// An open disc where paths start, on the surface and on the floor.
  Surface& start(const Tensor& points, const std::string& label = "start");
  /// A star where the function is lowest.
  Surface& minimum(const Tensor& points, const std::string& label = "minimum");

 private:
  explicit Surface(const SurfaceOptions& options);
  void draw(detail::Grid grid, const SurfaceOptions& options);
  detail::Grid grid() const;
  std::string on_top(const detail::Grid& grid, const std::pair<double, double>& point) const;
  std::string on_floor(const std::pair<double, double>& point) const;
  Surface& marks(const char* op, const Tensor& points, const std::string& style, const std::string& label);
  friend Surface surface(Function f, const SurfaceOptions& options);
  friend Surface surface(const Tensor& values, const SurfaceOptions& options);

  Limits x_, y_;
  Tensor heights_;      // on a grid over them, (rows, columns)
  Limits shown_;        // of z
  double floor_ = 0.0;  // its z
};

/// The surface of f, which is as for `contour`. Throws as it does; std::invalid_argument for z_limits that are not
/// ascending, or not positive on a logarithmic axis, or that leave nothing of the surface, and for an elevation outside
/// 0 to 90.
Surface surface(Function f, const SurfaceOptions& options);
/// The same of values on a grid, as for `contour`.
Surface surface(const Tensor& values, const SurfaceOptions& options);

}  // namespace ravine::report
