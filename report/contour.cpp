#include <ravine/report/contour.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>
#include <ravine/report/grid.hpp>
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
  double x, y, dx, dy;  // dx, dy: the gradient, in cells of the picture
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
// between a third and nine tenths of a cell, by the logarithm of the gradient's.
std::string arrow_lines(const Grid& grid, int cells, Slope slope) {
  double width = 0.0, height = 0.0;
  const std::vector<Arrow> arrows = gradients(grid, cells, slope, width, height);
  double least = HUGE_VAL, most = 0.0;
  for (const Arrow& arrow : arrows) {
    least = std::min(least, std::hypot(arrow.dx, arrow.dy));
    most = std::max(most, std::hypot(arrow.dx, arrow.dy));
  }
  std::string lines;
  for (const Arrow& arrow : arrows) {
    const double size = std::hypot(arrow.dx, arrow.dy);
    const double share = most > least ? std::log(size / least) / std::log(most / least) : 1.0;
    const double scale = (0.35 + 0.55 * share) / std::hypot(arrow.dx / width, arrow.dy / height);
    const double dx = scale * arrow.dx, dy = scale * arrow.dy;
    lines += text(arrow.x - dx / 2, " ", arrow.y - dy / 2, " ", dx, " ", dy, "\n");
  }
  return lines;
}

}  // namespace

Contour::Contour(const ContourOptions& options) : Panel("Contour", options.title, options.width, options.height) {}

void Contour::draw(const Grid& grid, const ContourOptions& options, Slope slope) {
  const detail::Levels levels = detail::choose_levels("contour", grid, options.levels);
  const std::string data = add_data(grid.matrix());
  settings_ = detail::tabulate(grid, data, levels) + detail::axis("x", options.x_label, false, grid.x) +
              detail::axis("y", options.y_label, false, grid.y) + detail::colours_of(grid, levels) +
              (same_units(grid) ? "set size ratio -1\n" : "") + "unset grid\nset border 15\n";
  add_layer(data + grid.placed(detail::colour_of("$3", levels)) + " with image notitle");
  if (!levels.at.empty()) add_layer("$contours using 1:2 with lines linewidth 0.7 linecolor '#7F97AC' notitle");
  const std::string arrows = options.arrows > 0 ? arrow_lines(grid, options.arrows, slope) : "";
  if (!arrows.empty())
    add_layer(add_data(arrows) +
              " using 1:2:3:4 with vectors head filled size screen 0.008,20 linewidth 0.8 "
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
  std::string lines;
  std::string last;
  for (const auto& [x, y] : detail::points_of("Contour::path", points)) {
    const bool here = std::isfinite(x) && std::isfinite(y);
    if (here) last = text(x, " ", y, "\n");
    lines += here ? last : "\n";
  }
  if (last.empty()) lines = last = "NaN NaN\n";
  const std::size_t k = next_style();
  const std::string style = detail::mark(k) + detail::colour(k);
  add_layer(add_data(lines) + " using 1:2 with linespoints linewidth 1.8 pointsize 0.45 pointnumber 16" +
            detail::dash(k) + style + detail::title(label));
  add_layer(add_data(last) + " using 1:2 with points pointsize 0.9" + style + " notitle");
  return *this;
}

Contour& Contour::path(const std::vector<Tensor>& points, const std::string& label) {
  return path(points.empty() ? zeros({0, 2}) : stack(points, 0), label);
}

Contour& Contour::marks(const char* op, const Tensor& points, const std::string& style, const std::string& label) {
  std::string lines;
  for (const auto& [x, y] : detail::points_of(op, points))
    if (std::isfinite(x) && std::isfinite(y)) lines += text(x, " ", y, "\n");
  add_layer(add_data(lines.empty() ? "NaN NaN\n" : lines) + " using 1:2 with points" + style + detail::title(label));
  return *this;
}

Contour& Contour::start(const Tensor& points, const std::string& label) {
  return marks("Contour::start", points, " pointtype 6 pointsize 1.3 linewidth 2 linecolor '#000000'", label);
}
Contour& Contour::minimum(const Tensor& points, const std::string& label) {
  return marks("Contour::minimum", points, " pointtype 3 pointsize 1.4 linewidth 2 linecolor '#000000'", label);
}

}  // namespace ravine::report
