#include <ravine/report/page_static.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <ravine/core/text.hpp>

namespace ravine::detail {
namespace {

using report::Page;
using Doubles = std::vector<double>;

constexpr double width = 560, height = 380, left = 62, right = 12, top = 14, bottom = 44;
constexpr const char* dashes[] = {"", "8 4", "2.5 3.5", "9 3 2 3", "14 4", "4.5 2.5", "9 3 2 3 2 3", "1.5 5"};

std::string short_text(double value, const char* format = "%.4g") {
  char digits[32];
  std::snprintf(digits, sizeof digits, format, value);
  return digits;
}

// From values to pixels.
struct Axis {
  bool log = false;
  double first, last;  // pixels
  double low = INFINITY, high = -INFINITY;

  double scaled(double value) const { return log ? std::log10(value) : value; }
  bool drawable(double value) const { return std::isfinite(value) && (!log || value > 0.0); }
  void include(const Doubles& values) {
    for (const double value : values)
      if (drawable(value)) low = std::min(low, scaled(value)), high = std::max(high, scaled(value));
  }
  void close() {
    if (!(low <= high)) low = 0.0, high = 1.0;
    const double most = std::max(std::abs(low), std::abs(high));
    if (high - low > std::max(1e-13 * most, 1e-300)) return;  // else there are no round numbers between
    const double room = log ? 0.5 : std::max(0.5, 0.1 * most);
    low -= room, high += room;
  }
  double operator()(double value) const {
    if (!drawable(value)) return NAN;
    return first + (scaled(value) - low) / (high - low) * (last - first);
  }
  // About five; on a logarithmic axis whole powers of ten, if there are two.
  Doubles ticks() const {
    double step = std::pow(10.0, std::floor(std::log10(high - low)));
    while ((high - low) / step < 3.0) step /= 2.0;
    while ((high - low) / step > 6.0) step *= 2.0;
    if (log && high - low >= 2.0) step = std::ceil(std::max(1.0, step));
    Doubles values;
    for (double v = std::ceil(low / step) * step; v <= high + 1e-9 * step && values.size() < 9; v += step)
      values.push_back(log ? std::pow(10.0, v) : std::abs(v) < 1e-9 * step ? 0.0 : v);
    std::erase_if(values, [this](double value) { return !drawable(value); });  // beyond the range of a double
    return values;
  }
};

std::string line(double x1, double y1, double x2, double y2, const char* stroke) {
  return text("<line x1='", short_text(x1), "' y1='", short_text(y1), "' x2='", short_text(x2), "' y2='",
              short_text(y2), "' stroke='var(--", stroke, ")'/>");
}

std::string words(double x, double y, const char* anchor, const std::string& said, const char* more = "") {
  return text("<text x='", short_text(x), "' y='", short_text(y), "' text-anchor='", anchor, "' ", more, ">",
              in_html(said), "</text>");
}

std::string frame(const Axis& x, const Axis& y, const std::string& x_label, const std::string& y_label) {
  std::string svg;
  for (const double v : x.ticks())
    svg += line(x(v), y.first, x(v), y.last, "line") + words(x(v), y.first + 17, "middle", short_text(v));
  for (const double v : y.ticks())
    svg += line(x.first, y(v), x.last, y(v), "line") + words(x.first - 7, y(v) + 4, "end", short_text(v));
  return svg + words((x.first + x.last) / 2, height - 6, "middle", x_label) +
         words(-(y.first + y.last) / 2, 13, "middle", y_label, "transform='rotate(-90)'");
}

// A path through the points, with a gap where there is none, and no more of them than a picture shows; one that stands
// alone is a dash.
std::string path(const Doubles& xs, const Doubles& ys, const Axis& x, const Axis& y) {
  const auto here = [&](std::size_t i) { return i < xs.size() && std::isfinite(x(xs[i])) && std::isfinite(y(ys[i])); };
  std::string d;
  bool gap = true;
  double px = NAN, py = NAN;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const double a = x(xs[i]), b = y(ys[i]);
    const bool alone = gap && !here(i + 1);
    if (here(i) && !gap && std::hypot(a - px, b - py) < 0.7) continue;
    if (here(i)) d += text(gap ? "M" : "L", short_text(alone ? a - 2.0 : a), ",", short_text(b)), px = a, py = b;
    if (here(i) && alone) d += "h4";
    gap = !here(i);
  }
  return d;
}

// Colour and dash of a method, by the order of names in a figure.
std::string stroke(std::size_t k) {
  return text("fill='none' stroke='var(--c", k % 8, ")' stroke-width='2' stroke-dasharray='", dashes[k % 8], "'");
}

std::string figure(const std::string& title, const std::string& svg, const std::vector<std::string>& methods,
                   const std::string& note) {
  std::string legend;
  for (std::size_t k = 0; k < methods.size(); ++k)
    legend += text("<li><svg viewBox='0 0 34 10' width='34' height='10' aria-hidden='true'><path d='M0,5H34' ",
                   stroke(k), "/></svg> ", in_html(methods[k]), "</li>");
  return text("<figure><h3>", in_html(title), "</h3><svg role='img' aria-label=\"", in_html(title), "\" viewBox='0 0 ",
              width, " ", height, "'>", svg, "</svg><ul class='key'>", legend, "</ul><figcaption class='note'>",
              in_html(note), "</figcaption></figure>\n");
}

// Lines of equal height, by the four corners of each cell of the grid.
std::string contours(const Page::Landscape& l, const Axis& x, const Axis& y) {
  Doubles sorted;
  for (const double v : l.f)
    if (std::isfinite(v)) sorted.push_back(v);
  std::sort(sorted.begin(), sorted.end());
  const std::size_t nx = l.x.size(), stride = std::max<std::size_t>(1, nx / 40);
  std::string d;
  for (std::size_t k = 1; k <= 12 && !sorted.empty(); ++k) {  // as many values between two lines as between others
    const double level = sorted[k * (sorted.size() - 1) / 13];
    for (std::size_t j = 0; j + stride < l.y.size(); j += stride)
      for (std::size_t i = 0; i + stride < nx; i += stride) {
        const std::size_t at[5][2] = {{i, j}, {i + stride, j}, {i + stride, j + stride}, {i, j + stride}, {i, j}};
        bool begun = false;
        for (std::size_t e = 0; e < 4; ++e) {
          const double a = l.f[at[e][1] * nx + at[e][0]], b = l.f[at[e + 1][1] * nx + at[e + 1][0]];
          if (!((a < level) != (b < level)) || !std::isfinite(a + b)) continue;
          const double part = (level - a) / (b - a);
          const double px = l.x[at[e][0]] + part * (l.x[at[e + 1][0]] - l.x[at[e][0]]);
          const double py = l.y[at[e][1]] + part * (l.y[at[e + 1][1]] - l.y[at[e][1]]);
          d += text(begun ? "L" : "M", short_text(x(px)), ",", short_text(y(py)));
          begun = !begun;
        }
      }
  }
  return text("<path class='contour' fill='none' d='", d, "'/>");
}

std::string landscape(const Page::Landscape& l) {
  Axis x{false, left, width - right, l.x.front(), l.x.back()}, y{false, height - bottom, top, l.y.front(), l.y.back()};
  std::string svg = frame(x, y, l.x_label, l.y_label) + contours(l, x, y);
  std::vector<std::string> methods;
  const auto inside = [](Doubles values, const Axis& axis) {
    for (double& v : values)
      if (v < axis.low || v > axis.high) v = NAN;
    return values;
  };
  for (const Page::Path& p : l.paths) {
    svg += text("<path ", stroke(methods.size()), " d='", path(inside(p.x, x), inside(p.y, y), x, y), "'/>");
    methods.push_back(p.method);
  }
  for (const auto& [a, b] : l.starts)
    svg += text("<circle class='start' r='4.5' cx='", short_text(x(a)), "' cy='", short_text(y(b)), "'/>");
  for (const auto& [a, b] : l.minima)
    svg += text("<path class='minimum' d='M-7,0H7M0,-7V7' transform='translate(", short_text(x(a)), ",",
                short_text(y(b)), ")'/>");
  return figure(l.title, svg, methods, l.note);
}

std::string chart(const Page::Chart& c) {
  Axis x{c.x_log, left, width - right}, y{c.y_log, height - bottom, top};
  for (const Page::Line& l : c.lines) {
    x.include(l.x[0]);
    y.include(l.y);
  }
  if (c.share) y.include({0.0, 1.0});
  x.close();
  y.close();
  std::string svg = frame(x, y, c.x_labels.empty() ? "" : c.x_labels[0], c.y_label);
  std::vector<std::string> methods;
  for (const Page::Line& l : c.lines) {
    const std::size_t k = methods.size();
    svg += text("<path ", stroke(k), " d='", path(l.x[0], l.y, x, y), "'/>");
    for (std::size_t i = 0; i < l.y.size(); ++i)  // what diverged, where it begins to
      if (l.y[i] == INFINITY && (i == 0 || l.y[i - 1] != INFINITY) && x.drawable(l.x[0][i]))
        svg += text("<path class='failed' stroke='var(--c", k % 8, ")' d='M-4,-4L4,4M-4,4L4,-4' transform='translate(",
                    short_text(x(l.x[0][i])), ",", top + 4.0, ")'/>");
    methods.push_back(l.label.empty() ? l.method : l.method + ", " + l.label);
  }
  return figure(c.title, svg, methods, c.note);
}

std::string bars(const Page::Chart& c) {
  double most = c.share ? 1.0 : 0.0;
  for (const Page::Bar& b : c.bars)
    if (std::isfinite(b.value)) most = std::max(most, b.value);
  std::string svg;
  const double step = height / static_cast<double>(c.bars.size() + 1);
  for (std::size_t k = 0; k < c.bars.size(); ++k) {
    const Page::Bar& b = c.bars[k];
    const double at = step * static_cast<double>(k),
                 wide = b.value > 0.0 ? std::min(b.value / most, 1.0) * (width - 120.0) : 0.0;
    svg += words(4, at + 0.4 * step, "start", b.method) +
           text("<rect x='4' y='", short_text(at + 0.5 * step), "' width='", short_text(wide + 1.0), "' height='",
                short_text(0.35 * step), "' fill='var(--c", k % 8, ")'/>") +
           words(wide + 12, at + 0.8 * step, "start", b.text.empty() ? short_text(b.value) : b.text);
  }
  return figure(c.title + ": " + c.y_label, svg, {}, c.note);
}

std::string charts(const std::vector<Page::Chart>& all) {
  std::string html;
  for (const Page::Chart& c : all) html += c.bars.empty() ? chart(c) : bars(c);
  return html;
}

}  // namespace

std::string in_html(const std::string& words) {
  std::string result;
  for (const char c : words) {
    if (c == '<')
      result += "&lt;";
    else if (c == '&')
      result += "&amp;";
    else if (c == '"')
      result += "&quot;";
    else
      result += c;
  }
  return result;
}

std::string static_figures(const Page& page) {
  std::string html;
  for (const Page::Problem& problem : page.problems) {
    html += text("<h2>", in_html(problem.name), "</h2>\n<p class='about'>", in_html(problem.about),
                 "</p>\n<div class='static'>\n");
    for (const Page::Landscape& l : problem.landscapes) html += landscape(l);
    html += charts(problem.charts) + "</div>\n";
  }
  if (page.charts.empty()) return html;
  return html + "<h2>All problems</h2>\n<div class='static'>\n" + charts(page.charts) + "</div>\n";
}

}  // namespace ravine::detail
