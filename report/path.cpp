#include <ravine/report/path.hpp>

#include <algorithm>
#include <cmath>

#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/core/text.hpp>

namespace ravine::detail {

std::vector<Point> points_of(const char* op, const Tensor& points) {
  if (points.rank() < 1 || points.rank() > 2 || points.size(-1) != 2)
    throw ShapeError(text(op, ": needs points (n, 2), or (2) for one of them, got ", points.shape()));
  check_floating(op, points);
  const std::vector<double> numbers = points.to_vector<double>();
  std::vector<Point> result;
  for (std::size_t k = 0; k < numbers.size(); k += 2) result.emplace_back(numbers[k], numbers[k + 1]);
  return result;
}

Tensor points_together(const std::vector<Tensor>& points) { return points.empty() ? zeros({0, 2}) : stack(points, 0); }

bool inside(const Point& p, const report::Limits& x, const report::Limits& y) {
  return p.first >= x.low && p.first <= x.high && p.second >= y.low && p.second <= y.high;
}

namespace {

// Where a step from a to b is inside, as shares of its length; false if nowhere.
struct Inside {
  double from = 0.0, to = 1.0;

  bool cut(double a, double b, const report::Limits& limits) {
    if (a == b) return a >= limits.low && a <= limits.high;
    const double enter = ((b > a ? limits.low : limits.high) - a) / (b - a);
    const double leave = ((b > a ? limits.high : limits.low) - a) / (b - a);
    from = std::max(from, enter);
    to = std::min(to, leave);
    return from <= to;
  }
};

bool finite(const Point& p) { return std::isfinite(p.first) && std::isfinite(p.second); }

// Far away enough for the difference to be a number.
Point bounded(const Point& p) { return {std::clamp(p.first, -1e300, 1e300), std::clamp(p.second, -1e300, 1e300)}; }

}  // namespace

std::vector<std::vector<Point>> pieces_inside(const std::vector<Point>& path, const report::Limits& x,
                                              const report::Limits& y) {
  std::vector<std::vector<Point>> pieces;
  bool going_on = false;  // the last piece ends in the point before
  for (std::size_t k = 0; k < path.size(); ++k) {
    if (!finite(path[k])) {
      going_on = false;
      continue;
    }
    const Point b = bounded(path[k]);
    const bool alone = k == 0 || !finite(path[k - 1]);
    const Point a = alone ? b : bounded(path[k - 1]);
    Inside step;
    if (!step.cut(a.first, b.first, x) || !step.cut(a.second, b.second, y)) {
      going_on = false;
      continue;
    }
    const auto at = [&](double share) {
      const auto between = [&](double from, double to, const report::Limits& limits) {
        return std::clamp(from + share * (to - from), limits.low, limits.high);
      };
      return share == 1.0 ? b : Point{between(a.first, b.first, x), between(a.second, b.second, y)};
    };
    if (!going_on) {
      pieces.emplace_back();
      if (!alone) pieces.back().push_back(at(step.from));
    }
    pieces.back().push_back(at(step.to));
    going_on = step.to == 1.0;
  }
  return pieces;
}

std::vector<Point> marks_along(const std::vector<std::vector<Point>>& pieces, std::size_t k, const report::Limits& x,
                               const report::Limits& y) {
  const auto distance = [&](const Point& a, const Point& b) {  // the domain is 1 wide and 1 high
    return std::hypot((b.first - a.first) / (x.high - x.low), (b.second - a.second) / (y.high - y.low));
  };
  double length = 0.0;
  for (const auto& piece : pieces)
    for (std::size_t i = 1; i < piece.size(); ++i) length += distance(piece[i - 1], piece[i]);
  const double spacing = std::max(0.1, length / 12);
  double since = spacing * static_cast<double>(k % 7) / 7;  // paths that lie on each other show all their marks
  std::vector<Point> marks;
  for (const auto& piece : pieces)
    for (std::size_t i = 1; i < piece.size(); ++i) {
      since += distance(piece[i - 1], piece[i]);
      if (since < spacing) continue;
      marks.push_back(piece[i]);
      since = 0.0;
    }
  if (!pieces.empty() && (marks.empty() || marks.back() != pieces.back().back())) marks.push_back(pieces.back().back());
  return marks;
}

}  // namespace ravine::detail
