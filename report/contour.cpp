#include <ravine/report/contour.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/report/grid.hpp>
#include <ravine/report/path.hpp>
#include <ravine/report/style.hpp>

namespace ravine::report {

using detail::Grid;
using detail::text;

namespace {

using Slope = FunctionRef<std::pair<double, double>(double, double)>;

// One unit on both axes, unless the picture would be too long.
bool same_units(const Grid& grid) {
  const double ratio = (grid.x.high - grid.x.low) / (grid.y.high - grid.y.low);
  return ratio <= 3.0 && ratio >= 1.0 / 3.0;
}

struct Arrow {
  double x, y, dx, dy;  // dx, dy: the gradient
};

// Gradients in the middle of each cell.
std::vector<Arrow> gradients(const Grid& grid, int cells, Slope slope, double& width, double& height) {
  const double wide = grid.x.high - grid.x.low, high = grid.y.high - grid.y.low;
  const double longer = same_units(grid) ? std::max(wide, high) : 0.0;
  const int across = longer > 0.0 ? std::max(1, static_cast<int>(std::lround(cells * wide / longer))) : cells;
  const int up = longer > 0.0 ? std::max(1, static_cast<int>(std::lround(cells * high / longer))) : cells;
  width = wide / across;
  height = high / up;
  std::vector<Arrow> arrows;
  for (int i = 0; i < up; ++i)
    for (int j = 0; j < across; ++j) {
      const double x = grid.x.low + (j + 0.5) * width, y = grid.y.low + (i + 0.5) * height;
      const auto [gx, gy] = slope(x, y);
      const double length = std::hypot(gx, gy);
      if (std::isfinite(length) && length > 0.0) arrows.push_back({x, y, gx, gy});
    }
  return arrows;
}

// x, y of an arrow's tail and its steps to the head. Directions are those of the gradient on the axes; a length is
// between three and nine tenths of a cell, by the logarithm of the gradient's.
std::string arrow_lines(const Grid& grid, int cells, Slope slope) {
  double width = 0.0, height = 0.0;
  const std::vector<Arrow> arrows = gradients(grid, cells, slope, width, height);
  if (arrows.empty()) return "";
  std::vector<double> sizes;
  for (const Arrow& arrow : arrows) sizes.push_back(std::hypot(arrow.dx, arrow.dy));
  std::sort(sizes.begin(), sizes.end());
  const double middle = sizes[sizes.size() / 2], most = sizes.back();
  std::string lines;
  for (const Arrow& arrow : arrows) {
    const double size = std::hypot(arrow.dx, arrow.dy), to_right = arrow.dx / size, to_top = arrow.dy / size;
    const double share = std::log1p(size / middle) / std::log1p(most / middle);
    const double length = 0.3 + 0.6 * (share <= 1.0 ? share : 1.0);  // not a number where quotients overflow
    const double scale = length / std::hypot(to_right / width, to_top / height);
    const double dx = scale * to_right, dy = scale * to_top;
    lines += text(arrow.x - dx / 2, " ", arrow.y - dy / 2, " ", dx, " ", dy, "\n");
  }
  return lines;
}

std::string row(const detail::Point& point) { return text(point.first, " ", point.second, "\n"); }

}  // namespace

Contour::Contour(const ContourOptions& options)
    : Panel("Contour", options.title, options.width, options.height), x_(options.x_limits), y_(options.y_limits) {
  if (options.arrows < 0 || options.arrows > 100)
    throw std::invalid_argument(text("contour: arrows must be in 0 to 100, got ", options.arrows));
}

void Contour::draw(const Grid& grid, const ContourOptions& options, Slope slope) {
  const detail::Levels levels = detail::choose_levels("contour", grid, options.levels);
  if (!levels.at.empty()) {
    settings_ = detail::contour_settings(levels, levels.base) + "unset surface\nset table $contours\nsplot " +
                add_data(grid.matrix(levels.base)) + grid.placed("3") + "\nunset table\n";
  }
  settings_ += detail::axis("x", options.x_label, false, grid.x) + detail::axis("y", options.y_label, false, grid.y) +
               detail::far_tics("x", grid.x.low, grid.x.high, 8, static_cast<std::size_t>(options.width) / 12) +
               detail::far_tics("y", grid.y.low, grid.y.high, 8, 1000) + detail::colours_of(grid, levels) +
               (same_units(grid) ? "set size ratio -1\n" : "") + "unset grid\nset border 15\n";
  const Grid pixels = grid.pixels(128, 128);
  add_layer(add_data(pixels.matrix(levels.base)) + pixels.placed(detail::coloured("$3", levels)) +
            " with image notitle");
  if (!levels.at.empty()) add_layer("$contours using 1:2 with lines linewidth 0.7 linecolor '#6F8AA3' notitle");
  const std::string arrows = options.arrows > 0 ? arrow_lines(grid, options.arrows, slope) : "";
  if (!arrows.empty())
    add_layer(add_data(arrows) +
              " using 1:2:3:4 with vectors head filled size graph 0.018,20 linewidth 0.8 "
              "linecolor '#707070' title 'gradient'");
  drawable_ = true;
}

Contour contour(Function f, const ContourOptions& options) {
  Contour panel(options);
  detail::TwoParameters two("contour", f);
  const Grid grid = detail::sample("contour", two, options.x_limits, options.y_limits, options.resolution);
  panel.draw(grid, options, [&](double x, double y) { return two.gradient(x, y); });
  return panel;
}

Contour contour(const Tensor& values, const ContourOptions& options) {
  Contour panel(options);
  const Grid grid = detail::sample("contour", values, options.x_limits, options.y_limits);
  panel.draw(grid, options, [&](double x, double y) { return grid.slope(x, y); });
  return panel;
}

Contour& Contour::path(const Tensor& points, const std::string& label) {
  const auto pieces = detail::pieces_inside(detail::points_of("Contour::path", points), x_, y_);
  const std::size_t k = next_style();
  std::string lines, marks;
  for (const auto& piece : pieces) {
    for (const auto& point : piece) lines += row(point);
    lines += "\n";
  }
  for (const auto& point : detail::marks_along(pieces, k, x_, y_)) marks += row(point);
  const std::string line = " linewidth 1.8" + detail::dash(k) + detail::colour(k), mark = detail::mark(k);
  if (!lines.empty()) {
    add_layer(add_data(lines) + " using 1:2 with lines" + line + " notitle");
    add_layer(add_data(marks) + " using 1:2 with points pointsize 0.6" + mark + detail::colour(k) + " notitle");
  }
  if (!label.empty()) add_layer("keyentry with linespoints pointsize 0.6" + line + mark + titled(label));
  return *this;
}

Contour& Contour::path(const std::vector<Tensor>& points, const std::string& label) {
  return path(detail::points_together(points), label);
}

Contour& Contour::marks(const char* op, const Tensor& points, const std::string& style, const std::string& label) {
  std::string lines;
  for (const auto& point : detail::points_of(op, points))
    if (detail::inside(point, x_, y_)) lines += row(point);
  if (!lines.empty()) add_layer(add_data(lines) + " using 1:2 with points" + style + " notitle");
  if (!label.empty()) add_layer("keyentry with points" + style + titled(label));
  return *this;
}

Contour& Contour::start(const Tensor& points, const std::string& label) {
  return marks("Contour::start", points, detail::start_mark, label);
}

Contour& Contour::minimum(const Tensor& points, const std::string& label) {
  return marks("Contour::minimum", points, detail::minimum_mark, label);
}

}  // namespace ravine::report
