#include <ravine/report/surface.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/report/grid.hpp>
#include <ravine/report/path.hpp>
#include <ravine/report/style.hpp>

namespace ravine::report {

using detail::Grid;
using detail::text;

Surface::Surface(const SurfaceOptions& options) : Panel("Surface", options.title, options.width, options.height) {
  detail::require_limits("surface", "z_limits", options.z_limits, options.z_log);
  if (!(options.elevation >= 0.0 && options.elevation <= 90.0) || !std::isfinite(options.azimuth))
    throw std::invalid_argument(text("surface: elevation must be in 0 to 90 and azimuth finite, got ",
                                     options.elevation, " and ", options.azimuth));
}

namespace {

// The heights that are shown: those there are, within the limits.
Limits heights_shown(const Grid& grid, const SurfaceOptions& options) {
  const double least = options.z_log ? std::numeric_limits<double>::min() : -HUGE_VAL;
  Limits shown{HUGE_VAL, -HUGE_VAL};
  for (const double z : grid.values) {
    if (!std::isfinite(z) || z < least) continue;
    shown.low = std::min(shown.low, z);
    shown.high = std::max(shown.high, z);
  }
  const bool any = shown.low <= shown.high;
  if (!any || shown.low > options.z_limits.high || shown.high < options.z_limits.low)
    throw std::invalid_argument(text("surface: nothing of it is ", any ? "between z_limits" : "positive",
                                     ", its heights are ", grid.lowest, " to ", grid.highest));
  shown.low = std::max(shown.low, options.z_limits.low);
  shown.high = std::min(shown.high, options.z_limits.high);
  if (shown.high <= shown.low)
    shown.high = options.z_log ? 10.0 * shown.low : shown.low + std::max(1.0, 0.1 * std::abs(shown.low));
  return shown;
}

double floor_below(const Limits& z, bool log) {
  return log ? std::max(z.low * std::sqrt(z.low / z.high), std::numeric_limits<double>::min())
             : z.low - 0.5 * (z.high - z.low);
}

std::string height_tics(const Limits& z, bool log) {
  std::vector<double> heights = detail::even_numbers(z.low, z.high, 5);
  if (log && z.high >= 100.0 * z.low) heights = detail::powers_of_ten(z.low, z.high, 6);
  return detail::tics(heights, [](double height) { return height; });
}

}  // namespace

void Surface::draw(Grid grid, const SurfaceOptions& options) {
  shown_ = heights_shown(grid, options);
  floor_ = floor_below(shown_, options.z_log);
  const detail::Levels levels = detail::choose_levels("surface", grid, {});
  const double base = options.z_log ? 0.0 : grid.lowest;  // gnuplot reads heights above it in f32
  const std::string contours_of = add_data(grid.matrix(base));
  for (double& z : grid.values) z = std::max(z, shown_.low);
  const std::string data = add_data(grid.matrix(base)), height = text("($3+", base, ")");

  command_ = "splot";
  settings_ = detail::axis("x", options.x_label, false, grid.x) + detail::axis("y", options.y_label, false, grid.y) +
              detail::far_tics("x", grid.x.low, grid.x.high, 3, 50) +
              detail::far_tics("y", grid.y.low, grid.y.high, 3, 50) +
              detail::axis("z", options.z_label, options.z_log, {floor_, shown_.high}) +
              detail::contour_settings(levels, 0.0) + detail::colours_of(grid, levels) +
              text("unset colorbox\nset view ", 90.0 - options.elevation, ",",
                   options.azimuth - 360.0 * std::floor(options.azimuth / 360.0), ",1.05\nset xyplane at ", floor_,
                   "\nset border 31\nset pm3d scansautomatic border linecolor '#FFFFFF' linewidth 0.2\n"
                   "set pm3d lighting primary 0.35 specular 0.1\nset xtics offset 0,-0.2\nset xlabel offset 0,0.2\n"
                   "set zlabel rotate\nset ztics (",
                   height_tics(shown_, options.z_log), ")\n");
  add_layer(data + grid.placed(height + ":" + detail::coloured(text("($3+", base - levels.base, ")"), levels)) +
            " with pm3d nocontours notitle");
  if (!levels.at.empty())
    add_layer(contours_of + grid.placed(height) + " with lines nosurface linewidth 0.7 linecolor '#6F8AA3' notitle");
  drawable_ = true;
  x_ = grid.x;
  y_ = grid.y;
  heights_ = tensor(grid.values, f64).reshape({static_cast<Index>(grid.rows), static_cast<Index>(grid.columns)});
}

Grid Surface::grid() const { return detail::sample("surface", heights_, x_, y_); }

Surface surface(Function f, const SurfaceOptions& options) {
  Surface panel(options);
  detail::TwoParameters two("surface", f);
  panel.draw(detail::sample("surface", two, options.x_limits, options.y_limits, options.resolution), options);
  return panel;
}

Surface surface(const Tensor& values, const SurfaceOptions& options) {
  Surface panel(options);
  panel.draw(detail::sample("surface", values, options.x_limits, options.y_limits), options);
  return panel;
}

// A point on the surface, or a gap if that is cut off there.
std::string Surface::on_top(const Grid& grid, const detail::Point& point) const {
  const double z = grid.between(point.first, point.second), rounding = 1e-9 * (shown_.high - shown_.low);
  if (!(z <= shown_.high + rounding)) return "\n";
  return text(point.first, " ", point.second, " ", std::min(z, shown_.high), "\n");
}

std::string Surface::on_floor(const detail::Point& point) const {
  return text(point.first, " ", point.second, " ", floor_, "\n");
}

Surface& Surface::path(const Tensor& points, const std::string& label) {
  const auto pieces = detail::pieces_inside(detail::points_of("Surface::path", points), x_, y_);
  const Grid grid = this->grid();
  const std::size_t k = next_style();
  std::string lines, shadow, marks;
  for (const auto& piece : pieces) {
    for (const auto& point : piece) {
      lines += on_top(grid, point);
      shadow += on_floor(point);
    }
    lines += "\n\n";
    shadow += "\n\n";
  }
  for (const auto& point : detail::marks_along(pieces, k, x_, y_)) marks += on_top(grid, point);
  const std::string colour = detail::colour(k), dash = detail::dash(k), mark = detail::mark(k);
  const auto add = [&](const std::string& data, const std::string& style) {
    if (data.find_first_not_of('\n') != std::string::npos)
      add_layer(add_data(data) + " using 1:2:3 with " + style + colour + " nocontours notitle");
  };
  add(shadow, "lines linewidth 1" + dash);
  add(lines, "lines linewidth 2.2" + dash);
  add(marks, "points pointsize 0.6" + mark);
  if (!label.empty())
    add_layer("keyentry with linespoints linewidth 2.2 pointsize 0.6" + dash + mark + colour + titled(label));
  return *this;
}

Surface& Surface::path(const std::vector<Tensor>& points, const std::string& label) {
  return path(detail::points_together(points), label);
}

Surface& Surface::marks(const char* op, const Tensor& points, const std::string& style, const std::string& label) {
  const Grid grid = this->grid();
  std::string lines;
  for (const auto& point : detail::points_of(op, points))
    if (detail::inside(point, x_, y_)) lines += on_top(grid, point) + on_floor(point);
  if (!lines.empty()) add_layer(add_data(lines) + " using 1:2:3 with points" + style + " nocontours notitle");
  if (!label.empty()) add_layer("keyentry with points" + style + titled(label));
  return *this;
}

Surface& Surface::start(const Tensor& points, const std::string& label) {
  return marks("Surface::start", points, detail::start_mark, label);
}

Surface& Surface::minimum(const Tensor& points, const std::string& label) {
  return marks("Surface::minimum", points, detail::minimum_mark, label);
}

}  // namespace ravine::report
