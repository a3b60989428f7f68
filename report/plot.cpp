#include <ravine/report/plot.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>
#include <ravine/report/grid.hpp>
#include <ravine/report/style.hpp>

namespace ravine::report {

using detail::colour;
using detail::dash;
using detail::text;

Plot::Plot(PlotOptions options)
    : Panel("Plot", options.title, options.width, options.height), options_(std::move(options)) {
  detail::require_limits("Plot", "x_limits", options_.x_limits, options_.x_log);
  detail::require_limits("Plot", "y_limits", options_.y_limits, options_.y_log);
  settings_ = "set autoscale xfix\n" + detail::axis("x", options_.x_label, options_.x_log, options_.x_limits) +
              detail::axis("y", options_.y_label, options_.y_log, options_.y_limits);
}

Plot& Plot::line(const Tensor& x, const Tensor& y, const std::string& label) {
  std::string alone;
  const std::string data = add_rows("Plot::line", {{"x", x}, {"y", y}}, &alone);
  add_line(data, alone, next_style(), label);
  return *this;
}

Plot& Plot::points(const Tensor& x, const Tensor& y, const std::string& label) {
  const std::string data = add_rows("Plot::points", {{"x", x}, {"y", y}});
  const std::size_t k = next_style();
  add_layer(data + " using 1:2 with points" + detail::mark(k) + colour(k) + titled(label));
  return *this;
}

Plot& Plot::band(const Tensor& x, const Tensor& low, const Tensor& middle, const Tensor& high,
                 const std::string& label) {
  std::string bars, alone;
  const std::string band = add_rows("Plot::band", {{"x", x}, {"low", low}, {"high", high}}, &bars);
  const std::string line = add_rows("Plot::band", {{"x", x}, {"middle", middle}}, &alone);
  const std::size_t k = next_style();
  add_layer(band + " using 1:2:3 with filledcurves fillstyle transparent solid 0.2 noborder" + colour(k) + " notitle");
  if (!bars.empty())
    add_layer(add_data(bars) + " using 1:2:2:3 with yerrorbars pointtype 0 linewidth 1.5" + colour(k) + " notitle");
  add_line(line, alone, k, label);
  return *this;
}

// Points that nothing leads to or from would be no line.
void Plot::add_line(const std::string& data, const std::string& alone, std::size_t k, const std::string& label) {
  add_layer(data + " using 1:2 with lines linewidth 2" + dash(k) + colour(k) + titled(label));
  if (!alone.empty())
    add_layer(add_data(alone) + " using 1:2 with points pointtype 7 pointsize 0.5" + colour(k) + " notitle");
}

// The value below which a share of the sorted ones lies, between two of them in proportion.
static double quantile(const std::vector<double>& sorted, double share) {
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const double part = place - static_cast<double>(below);
  return part == 0.0 ? sorted[below] : sorted[below] + part * (sorted[below + 1] - sorted[below]);
}

Plot& Plot::band(const Tensor& x, const Tensor& runs, const std::string& label) {
  if (x.rank() != 1 || runs.rank() != 2 || runs.size(0) == 0 || runs.size(1) != x.numel())
    throw ShapeError(
        text("Plot::band: needs a row of values at x for each run, x is ", x.shape(), ", runs are ", runs.shape()));
  detail::check_floating("Plot::band", runs);
  const std::vector<double> all = runs.to_vector<double>();
  const auto steps = static_cast<std::size_t>(x.numel());
  std::vector<double> quartiles[3];
  for (std::size_t i = 0; i < steps; ++i) {
    std::vector<double> sorted;
    for (std::size_t at = i; at < all.size(); at += steps)
      sorted.push_back(std::isnan(all[at]) ? std::numeric_limits<double>::infinity() : all[at]);
    std::sort(sorted.begin(), sorted.end());
    for (int q = 0; q < 3; ++q) quartiles[q].push_back(quantile(sorted, 0.25 * (q + 1)));
  }
  return band(x, tensor(quartiles[0], f64), tensor(quartiles[1], f64), tensor(quartiles[2], f64), label);
}

Plot& Plot::bars(const std::vector<std::string>& names, const Tensor& heights, const std::string& label) {
  if (heights.rank() != 1 || heights.numel() != static_cast<Index>(names.size()))
    throw ShapeError(
        text("Plot::bars: needs a height for each of ", names.size(), " names, got heights of ", heights.shape()));
  detail::check_floating("Plot::bars", heights);
  if (options_.x_log) throw std::invalid_argument("Plot::bars: needs an x axis that is not logarithmic");
  if (names_.empty())
    name_bars(names);
  else if (names != names_)
    throw std::invalid_argument("Plot::bars: the names are not those of the bars before");

  std::string lines;
  for (const double height : heights.to_vector<double>()) {
    const bool here = drawable(0.0, height);
    lines += here ? text(height, "\n") : "NaN\n";
    drawable_ |= here;
    if (here) lowest_bar_ = std::min(lowest_bar_, height);
  }
  stand_bars();
  const std::string data = add_data(lines);
  add_layer(data + " using 1 with histograms fillstyle solid 0.8 noborder" + colour(next_style()) + titled(label));
  return *this;
}

void Plot::name_bars(const std::vector<std::string>& names) {
  names_ = names;
  std::string tics;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string name;  // gnuplot takes the name of a tic for a format
    for (const char c : names[i]) name += c == '%' ? "%%" : std::string(1, c);
    tics += (i > 0 ? ", " : "") + detail::quoted(name) + " " + std::to_string(i);
  }
  const auto end = [](double given, double otherwise) { return text(std::isinf(given) ? otherwise : given); };
  settings_ += "set style histogram clustered gap 1\nset xtics (" + tics + ")\nset xrange [" +
               end(options_.x_limits.low, -0.7) + ":" +
               end(options_.x_limits.high, static_cast<double>(names.size()) - 0.3) + "]\n";
}

// The y axis has what bars stand on: 0, or a power of ten below the lowest.
void Plot::stand_bars() {
  if (std::isinf(lowest_bar_)) return;
  const auto end = [](double given, const std::string& otherwise) {
    return std::isinf(given) ? otherwise : text(given);
  };
  const double ground = std::pow(10.0, std::ceil(std::log10(lowest_bar_)) - 1.0);
  settings_ += "set yrange [" + end(options_.y_limits.low, options_.y_log ? text(ground) : "*<0") + ":" +
               end(options_.y_limits.high, options_.y_log ? "*" : "0<*") + "]\n";
}

// Where gnuplot's own labels cannot tell its numbers apart.
void Plot::label_axes() {
  const auto tics = [](const char* name, Limits shown, const Limits& given, std::size_t room) {
    if (std::isfinite(given.low)) shown.low = given.low;
    if (std::isfinite(given.high)) shown.high = given.high;
    return detail::far_tics(name, shown.low, shown.high, 8, room);
  };
  if (!options_.y_log) settings_ += tics("y", y_, options_.y_limits, 1000);
  if (options_.x_log || !names_.empty()) return;
  const std::string x = tics("x", x_, options_.x_limits, static_cast<std::size_t>(options_.width) / 8);
  if (!x.empty()) settings_ += x + "set rmargin 6\n";  // for half of the last one
}

bool Plot::drawable(double x, double y) const {
  return std::isfinite(x) && std::isfinite(y) && (x > 0.0 || !options_.x_log) && (y > 0.0 || !options_.y_log);
}

static void include(Limits& limits, double value) {
  limits.low = std::min(limits.low, value);
  limits.high = std::max(limits.high, value);
}

// A line of numbers for each index. Where one cannot be drawn stands an empty line, which interrupts a curve. Those
// between two gaps, if they can be seen, are also put into `alone`.
std::string Plot::add_rows(const char* op, const std::vector<Column>& columns, std::string* alone) {
  std::vector<std::vector<double>> values;
  for (const Column& column : columns) {
    const Column& first = columns[0];
    const Tensor& x = *first.values;
    if (x.rank() != 1 || column.values->shape() != x.shape())
      throw ShapeError(text(op, ": needs vectors of one length, ", first.name, " is ", x.shape(), ", ", column.name,
                            " is ", column.values->shape()));
    detail::check_floating(op, *column.values);
    values.push_back(column.values->to_vector<double>());
  }
  const auto here = [&](std::size_t i) {
    return i < values[0].size() && std::all_of(values.begin() + 1, values.end(),
                                               [&](const auto& column) { return drawable(values[0][i], column[i]); });
  };
  const auto inside = [](const Limits& limits, double value) { return limits.low <= value && value <= limits.high; };
  const auto seen = [&](std::size_t i) {
    return inside(options_.x_limits, values[0][i]) && inside(options_.y_limits, values[1][i]);
  };
  const auto ends = [](const Limits& limits) { return std::isfinite(limits.low) + std::isfinite(limits.high); };
  const bool framed = ends(options_.y_limits) == 2 && ends(options_.x_limits) != 1;  // by no point
  std::string lines;
  bool gap = true;
  for (std::size_t i = 0; i < values[0].size(); ++i) {
    std::string line;
    for (const auto& column : values) line += text(column[i], " ");
    line += "\n";
    if (here(i))
      lines += line;
    else if (!gap)
      lines += "\n";
    if (alone && here(i) && gap && !here(i + 1) && seen(i)) *alone += line;
    gap = !here(i);
    drawable_ |= !gap && (framed || seen(i));
    for (std::size_t c = 0; c < values.size() && !gap; ++c) include(c == 0 ? x_ : y_, values[c][i]);
  }
  label_axes();
  if (lines.empty()) lines = "NaN NaN NaN\n";  // keeps the place in the legend
  return add_data(lines);
}

}  // namespace ravine::report
