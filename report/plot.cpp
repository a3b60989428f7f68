#include <ravine/report/plot.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include <ravine/core/file.hpp>
#include <ravine/core/text.hpp>
#include <ravine/report/gnuplot.hpp>

namespace ravine::report {
namespace {

using detail::text;

// The colours of Okabe and Ito (2008) without their yellow, which is faint on white.
constexpr const char* colours[] = {"#0072B2", "#D55E00", "#009E73", "#000000", "#E69F00", "#CC79A7", "#56B4E9"};
constexpr int marks[] = {7, 5, 9, 13, 11, 6, 4};  // discs, squares, triangles, diamonds; then open ones

// In single quotes gnuplot replaces nothing. A line break, which would end the command, is joined from outside.
std::string quoted(const std::string& label) {
  std::string result = "'";
  for (const char c : label) {
    if (c == '\'')
      result += "''";
    else if (c == '\n')
      result += "'.\"\\n\".'";
    else
      result += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  }
  return result + "'";
}

std::string axis(const std::string& name, const std::string& label, bool log, const Limits& limits) {
  const auto end = [](double value) { return std::isinf(value) ? "*" : text(value); };
  return "set " + name + "label " + quoted(label) + "\n" + (log ? "set logscale " + name + "\n" : "") + "set " + name +
         "range [" + end(limits.low) + ":" + end(limits.high) + "]\n";
}

void require_limits(const char* name, const Limits& limits, bool log) {
  const double least = log ? 0.0 : -std::numeric_limits<double>::infinity();
  const bool low = std::isinf(limits.low) ? limits.low < 0.0 : limits.low > least;  // false for NaN
  if (!low || !(limits.high > std::max(limits.low, least)))
    throw std::invalid_argument(text("Plot: ", name, " must be ascending", log ? " and positive" : "", ", got ",
                                     limits.low, " to ", limits.high));
}

std::string terminal(const char* op, const std::string& path, int width, int height) {
  const auto size = [](const std::string& w, const std::string& h) { return " size " + w + "," + h; };
  const std::string pixels = size(std::to_string(width), std::to_string(height));
  const std::string style = " noenhanced background '#FFFFFF' font 'sans-serif,";
  if (path.ends_with(".svg")) return "svg" + pixels + style + "13'";
  if (path.ends_with(".png")) return "pngcairo" + pixels + style + "10'";
  if (path.ends_with(".pdf"))
    return "pdfcairo" + size(text(width / 96.0) + "in", text(height / 96.0) + "in") + style + "9'";
  throw std::invalid_argument(text(op, ": the path must end in .svg, .png or .pdf, got '", path, "'"));
}

}  // namespace

Plot::Plot(PlotOptions options) : options_(std::move(options)) {
  require_limits("x_limits", options_.x_limits, options_.x_log);
  require_limits("y_limits", options_.y_limits, options_.y_log);
  if (options_.width < 100 || options_.height < 100)
    throw std::invalid_argument(
        text("Plot: width and height must be 100 or more, got ", options_.width, " and ", options_.height));
}

Plot& Plot::line(const Tensor& x, const Tensor& y, const std::string& label) {
  return add("Plot::line", true, x, y, label);
}
Plot& Plot::points(const Tensor& x, const Tensor& y, const std::string& label) {
  return add("Plot::points", false, x, y, label);
}

Plot& Plot::add(const char* op, bool line, const Tensor& x, const Tensor& y, const std::string& label) {
  if (x.rank() != 1 || x.shape() != y.shape())
    throw ShapeError(text(op, ": needs two vectors of one length, x is ", x.shape(), ", y is ", y.shape()));
  detail::check_floating(op, x);
  detail::check_floating(op, y);
  curves_.push_back({line, x.to_vector<double>(), y.to_vector<double>(), label});
  return *this;
}

bool Plot::drawable(double x, double y) const {
  return std::isfinite(x) && std::isfinite(y) && (x > 0.0 || !options_.x_log) && (y > 0.0 || !options_.y_log);
}

std::string Plot::script(const char* op) const {
  std::string script = "reset\nset encoding utf8\nset autoscale xfix\nset title " + quoted(options_.title) + "\n" +
                       axis("x", options_.x_label, options_.x_log, options_.x_limits) +
                       axis("y", options_.y_label, options_.y_log, options_.y_limits) +
                       "set clip two\nset border 3 linecolor '#606060'\nset tics nomirror out scale 0.5\n"
                       "set xtics offset 0,0.3\nset xlabel offset 0,0.9\nset format '%g'\nset minussign\n"
                       "set grid linetype 1 linecolor '#E0E0E0' linewidth 0.5\nset pointsize 0.6\n"
                       "set key below center horizontal Left reverse spacing 1.25 height 0.5\n";
  std::string curves;
  std::size_t drawn = 0;
  for (std::size_t k = 0; k < curves_.size(); ++k) {
    const Curve& curve = curves_[k];
    const std::string name = "$curve" + std::to_string(k);
    script += name + " << end\n";
    bool gap = true;  // an empty line interrupts a curve
    const std::size_t before = drawn;
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      const bool here = drawable(curve.x[i], curve.y[i]);
      if (here) script += text(curve.x[i]) + " " + text(curve.y[i]);
      if (here || !gap) script += "\n";
      gap = !here;
      drawn += here;
    }
    if (drawn == before) script += "NaN NaN\n";  // keeps the place in the legend
    script += "end\n";

    constexpr std::size_t styles = std::size(colours);
    const std::string style = curve.line ? " with lines linewidth 2 dashtype " + std::to_string(1 + k / styles % 5)
                                         : " with points pointtype " + std::to_string(marks[k % styles]);
    curves += (k > 0 ? ", " : "plot ") + name + " using 1:2" + style + " linecolor '" + colours[k % styles] +
              "' title " + quoted(curve.label);  // '' is no title
  }
  if (drawn == 0) throw std::invalid_argument(text(op, ": '", options_.title, "' has no point that can be drawn"));
  return script + curves + "\n";
}

void Plot::save(const std::string& path) const { save("Plot::save", path, {*this}, 1); }
void Plot::save_grid(const std::string& path, const std::vector<Plot>& panels, int columns) {
  save("Plot::save_grid", path, panels, columns);
}

void Plot::save(const char* op, const std::string& path, const std::vector<Plot>& panels, int columns) {
  if (panels.empty() || columns < 1)
    throw std::invalid_argument(
        text(op, ": needs a panel and a column, got ", panels.size(), " panels in ", columns, " columns"));
  columns = std::min(columns, static_cast<int>(panels.size()));
  const int rows = (static_cast<int>(panels.size()) + columns - 1) / columns;
  int width = 0, height = 0;
  std::string script;
  for (const Plot& panel : panels) {
    width = std::max(width, panel.options_.width);
    height = std::max(height, panel.options_.height);
    script += panel.script(op);
  }
  script = "set terminal " + terminal(op, path, columns * width, rows * height) + "\nset multiplot layout " +
           std::to_string(rows) + "," + std::to_string(columns) + "\n" + script + "unset multiplot\n";
  std::string picture;
  try {
    picture = detail::run_gnuplot(script);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error(text(op, ": ", error.what()));
  }
  const std::string_view whole = picture;
  detail::write_file(op, path, {&whole, 1});
}

}  // namespace ravine::report
