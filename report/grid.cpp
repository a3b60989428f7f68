#include <ravine/report/grid.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <stdexcept>

#include <ravine/core/factories.hpp>
#include <ravine/core/text.hpp>

namespace ravine::detail {

Variable TwoParameters::call(const Variable& theta) const {
  Variable result = f_(theta);
  if (!result.defined()) throw std::invalid_argument(text(op_, ": f gave a Variable without a value"));
  if (result.numel() != 1)
    throw ShapeError(text(op_, ": f must give one element, got ", result.shape(), " for a vector of two parameters"));
  return result;
}

double TwoParameters::value(double x, double y) {
  const NoGrad guard;
  try {
    return call(tensor({x, y}, dtype_)).item();
  } catch (const DTypeError&) {
    if (dtype_ == f32) throw;
    dtype_ = f32;
    return call(tensor({x, y}, dtype_)).item();
  }
}

std::pair<double, double> TwoParameters::gradient(double x, double y) {
  const Variable theta = parameter(tensor({x, y}, dtype_));
  const Variable result = call(theta);
  if (!result.requires_grad()) return {0.0, 0.0};
  const Variable g = grad(result, {theta}, {.allow_unused = true})[0];
  if (!g.defined()) return {0.0, 0.0};
  return {g.value().at({0}), g.value().at({1})};
}

double Grid::between(double px, double py) const {
  const double u = (px - x.low) / x_step(), v = (py - y.low) / y_step();
  const auto last_column = static_cast<double>(columns - 1), last_row = static_cast<double>(rows - 1);
  if (!(u >= 0.0 && u <= last_column && v >= 0.0 && v <= last_row)) return std::nan("");
  const auto j = std::min(static_cast<std::size_t>(u), columns - 2),
             i = std::min(static_cast<std::size_t>(v), rows - 2);
  const double s = u - static_cast<double>(j), t = v - static_cast<double>(i);
  const double here =
      (1 - t) * ((1 - s) * at(i, j) + s * at(i, j + 1)) + t * ((1 - s) * at(i + 1, j) + s * at(i + 1, j + 1));
  return std::isfinite(here) ? here : std::nan("");
}

std::pair<double, double> Grid::slope(double px, double py) const {
  const double dx = x_step() / 2, dy = y_step() / 2;
  return {(between(px + dx, py) - between(px - dx, py)) / (2 * dx),
          (between(px, py + dy) - between(px, py - dy)) / (2 * dy)};
}

std::string Grid::matrix() const {
  std::string lines;
  for (std::size_t k = 0; k < values.size(); ++k) {
    lines += std::isfinite(values[k]) ? text(values[k]) : "NaN";
    lines += (k + 1) % columns == 0 ? '\n' : ' ';
  }
  return lines;
}

std::string Grid::placed(const std::string& z) const {
  return text(" matrix using (", x.low, "+$1*", x_step(), "):(", y.low, "+$2*", y_step(), "):", z);
}

namespace {

void require_domain(const char* op, const char* name, const report::Limits& limits) {
  if (!(std::isfinite(limits.low) && std::isfinite(limits.high) && limits.low < limits.high &&
        std::isfinite(limits.high - limits.low)))
    throw std::invalid_argument(
        text(op, ": ", name, " must be finite and ascending, got ", limits.low, " to ", limits.high));
}

Grid empty_grid(const char* op, const report::Limits& x, const report::Limits& y) {
  require_domain(op, "x_limits", x);
  require_domain(op, "y_limits", y);
  Grid grid;
  grid.x = x;
  grid.y = y;
  return grid;
}

void find_range(const char* op, Grid& grid) {
  grid.lowest = HUGE_VAL;
  grid.highest = -HUGE_VAL;
  for (const double value : grid.values) {
    if (!std::isfinite(value)) continue;
    grid.lowest = std::min(grid.lowest, value);
    grid.highest = std::max(grid.highest, value);
  }
  if (grid.lowest > grid.highest)
    throw std::invalid_argument(text(op, ": nothing is finite for x in [", grid.x.low, ", ", grid.x.high, "], y in [",
                                     grid.y.low, ", ", grid.y.high, "]; the first value is ", grid.values[0]));
}

}  // namespace

Grid sample(const char* op, TwoParameters& f, const report::Limits& x, const report::Limits& y, int resolution) {
  Grid grid = empty_grid(op, x, y);
  if (resolution < 2 || resolution > 1000)
    throw std::invalid_argument(text(op, ": resolution must be in 2 to 1000, got ", resolution));
  grid.columns = grid.rows = static_cast<std::size_t>(resolution);
  for (std::size_t i = 0; i < grid.rows; ++i)
    for (std::size_t j = 0; j < grid.columns; ++j)
      grid.values.push_back(
          f.value(x.low + static_cast<double>(j) * grid.x_step(), y.low + static_cast<double>(i) * grid.y_step()));
  find_range(op, grid);
  return grid;
}

Grid sample(const char* op, const Tensor& values, const report::Limits& x, const report::Limits& y) {
  Grid grid = empty_grid(op, x, y);
  if (values.rank() != 2 || values.size(0) < 2 || values.size(1) < 2)
    throw ShapeError(text(op, ": needs two rows and two columns of values or more, got ", values.shape()));
  check_floating(op, values);
  grid.rows = static_cast<std::size_t>(values.size(0));
  grid.columns = static_cast<std::size_t>(values.size(1));
  grid.values = values.to_vector<double>();
  find_range(op, grid);
  return grid;
}

namespace {

bool lowest_inside(const Grid& grid) {
  for (std::size_t i = 1; i + 1 < grid.rows; ++i)
    for (std::size_t j = 1; j + 1 < grid.columns; ++j)
      if (grid.at(i, j) == grid.lowest) return true;
  return false;
}

// The height above base that so many of the values lie below.
double low_height(const Grid& grid, double base, double share) {
  std::vector<double> heights;
  for (const double value : grid.values)
    if (std::isfinite(value) && value > base) heights.push_back(value - base);
  const auto place = heights.begin() + static_cast<std::ptrdiff_t>(share * static_cast<double>(heights.size()));
  std::nth_element(heights.begin(), place, heights.end());
  return *place;
}

// 1, 2, 5 of each power of ten, or fewer where there are many powers.
std::vector<double> round_numbers(double low, double high) {
  const double decades = std::log10(high / low);
  const int first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / 16)));
  std::vector<double> numbers;
  for (int power = first; power <= last; power += stride)
    for (const double digit : {1.0, 2.0, 3.0, 5.0}) {
      if (digit == 3.0 ? decades <= 5 || decades > 8 : digit > 1.0 && decades > 5) continue;
      const double number = digit * std::pow(10.0, power);
      if (number >= low && number < high) numbers.push_back(number);
    }
  return numbers;
}

std::vector<double> even_numbers(double low, double high) {
  const double rough = (high - low) / 14, power = std::pow(10.0, std::floor(std::log10(rough)));
  const double digit = rough / power, step = power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
  std::vector<double> numbers;
  for (double k = std::ceil(low / step); k * step < high; ++k) numbers.push_back(k * step);
  return numbers;
}

}  // namespace

Levels choose_levels(const char* op, const Grid& grid, const std::vector<double>& wanted) {
  Levels levels;
  const bool flat = grid.lowest == grid.highest, positive = grid.lowest >= 0.0 && grid.lowest < 0.1 * grid.highest;
  levels.log = !flat && (positive || lowest_inside(grid));
  levels.base = positive ? 0.0 : grid.lowest;
  if (levels.log) levels.low = low_height(grid, levels.base, 0.005);
  for (const double level : wanted)
    if (!std::isfinite(level)) throw std::invalid_argument(text(op, ": levels must be finite, got ", level));
  levels.at = wanted;
  if (wanted.empty() && levels.log) {
    levels.at = round_numbers(levels.low, grid.highest - levels.base);
    for (double& level : levels.at) level += levels.base;
  } else if (wanted.empty() && !flat) {
    levels.at = even_numbers(grid.lowest, grid.highest);
  }
  std::sort(levels.at.begin(), levels.at.end());
  std::erase_if(levels.at, [&](double level) { return level <= grid.lowest || level >= grid.highest; });
  return levels;
}

std::vector<std::pair<double, double>> points_of(const char* op, const Tensor& points) {
  if (points.rank() < 1 || points.rank() > 2 || points.size(-1) != 2)
    throw ShapeError(text(op, ": needs points (n, 2), or (2) for one of them, got ", points.shape()));
  check_floating(op, points);
  const std::vector<double> numbers = points.to_vector<double>();
  std::vector<std::pair<double, double>> result;
  for (std::size_t k = 0; k < numbers.size(); k += 2) result.emplace_back(numbers[k], numbers[k + 1]);
  return result;
}

std::string colour_of(const std::string& z, const Levels& levels) {
  if (!levels.log) return "(" + z + ")";
  const std::string height = text("(", z, "-", levels.base, ")");
  return text("(log10(", height, ">", levels.low, "?", height, ":", levels.low, "))");
}

static std::string three_digits(double value) {
  char digits[32];
  return std::string(digits, std::to_chars(digits, digits + sizeof digits, value, std::chars_format::general, 3).ptr);
}

std::string colours_of(const Grid& grid, const Levels& levels) {
  const auto place = [&](double z) { return levels.log ? std::log10(std::max(z - levels.base, levels.low)) : z; };
  std::string tics;
  const std::size_t stride = (levels.at.size() + 5) / 6;
  for (std::size_t k = 0; k < levels.at.size(); k += stride)
    tics += text(tics.empty() ? "" : ", ", "'", three_digits(levels.at[k]), "' ", place(levels.at[k]));
  const double low = place(grid.lowest), high = place(grid.highest);
  return text("set palette defined (0 '#FFFFFF', 1 '#9DB8CE')\nset cbrange [", low, ":", high > low ? high : low + 1,
              "]\nset cbtics (", tics, ") scale 0\nset colorbox noborder\n");
}

std::string tabulate(const Grid& grid, const std::string& data, const Levels& levels) {
  if (levels.at.empty()) return "";
  std::string list;
  for (const double level : levels.at) list += (list.empty() ? "" : ",") + text(level);
  return "set contour base\nunset surface\nset cntrparam levels discrete " + list + "\nset table $contours\nsplot " +
         data + grid.placed("3") + "\nunset table\nunset contour\nset surface\n";
}

}  // namespace ravine::detail
