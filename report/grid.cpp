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
  if (!std::isfinite(result.item())) return {std::nan(""), std::nan("")};
  if (!result.requires_grad()) return {0.0, 0.0};
  const Variable g = grad(result, {theta}, {.allow_unused = true})[0];
  if (!g.defined()) return {0.0, 0.0};
  return {g.value().at({0}), g.value().at({1})};
}

double Grid::between(double px, double py) const {
  if (!(px >= x.low && px <= x.high && py >= y.low && py <= y.high)) return std::nan("");
  const double u = (px - x.low) / x_step(), v = (py - y.low) / y_step();
  const auto j = std::min(static_cast<std::size_t>(u), columns - 2),
             i = std::min(static_cast<std::size_t>(v), rows - 2);
  const double s = u - static_cast<double>(j), t = v - static_cast<double>(i);
  const double here =
      (1 - t) * ((1 - s) * at(i, j) + s * at(i, j + 1)) + t * ((1 - s) * at(i + 1, j) + s * at(i + 1, j + 1));
  return std::isfinite(here) ? here : std::nan("");
}

std::pair<double, double> Grid::slope(double px, double py) const {
  const double left = std::max(px - x_step() / 2, x.low), right = std::min(px + x_step() / 2, x.high);
  const double below = std::max(py - y_step() / 2, y.low), above = std::min(py + y_step() / 2, y.high);
  return {(between(right, py) - between(left, py)) / (right - left),
          (between(px, above) - between(px, below)) / (above - below)};
}

Grid Grid::pixels(std::size_t across, std::size_t up) const {
  const double width = (x.high - x.low) / static_cast<double>(across);
  const double height = (y.high - y.low) / static_cast<double>(up);
  Grid grid;
  grid.x = {x.low + width / 2, x.high - width / 2};
  grid.y = {y.low + height / 2, y.high - height / 2};
  grid.columns = across;
  grid.rows = up;
  for (std::size_t i = 0; i < up; ++i)
    for (std::size_t j = 0; j < across; ++j)
      grid.values.push_back(
          between(grid.x.low + static_cast<double>(j) * width, grid.y.low + static_cast<double>(i) * height));
  return grid;
}

std::string Grid::matrix(double base) const {
  std::string lines;
  for (std::size_t k = 0; k < values.size(); ++k) {
    lines += std::isfinite(values[k]) ? text(static_cast<float>(std::clamp(values[k] - base, -1e38, 1e38))) : "NaN";
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
                                     grid.y.low, ", ", grid.y.high, "]; the first value is ",
                                     std::isnan(grid.values[0]) ? std::nan("") : grid.values[0]));
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

// So many digits of each power of ten that there are about a dozen, or one of several powers where there are many.
std::vector<double> round_numbers(double low, double high) {
  const double decades = std::log10(high) - std::log10(low);  // their ratio may be infinite
  if (decades < 0.7) return even_numbers(low, high, 14);
  const std::vector<double> digits = decades < 1.6   ? std::vector<double>{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8}
                                     : decades < 3.2 ? std::vector<double>{1, 1.5, 2, 3, 5, 7}
                                     : decades < 5.0 ? std::vector<double>{1, 2, 5}
                                     : decades < 8.0 ? std::vector<double>{1, 3}
                                                     : std::vector<double>{1};
  std::vector<double> numbers;
  const int first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
  for (int power = first; power <= last; power += std::max(1, static_cast<int>(decades / 14)))
    for (const double digit : digits) numbers.push_back(digit * std::pow(10.0, power));
  std::erase_if(numbers, [&](double number) { return number < low || number >= high; });
  return numbers;
}

// Whether there are round numbers between.
bool apart(double low, double high) { return high - low >= 1e-13 * std::max(std::abs(low), std::abs(high)); }

}  // namespace

std::vector<double> even_numbers(double low, double high, int count) {
  if (low == high || !apart(low, high)) return {low};
  const double rough = (high - low) / count, power = std::pow(10.0, std::floor(std::log10(rough)));
  const double digit = rough / power, step = power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
  std::vector<double> numbers;
  for (double k = std::ceil(low / step); k * step <= high; ++k) numbers.push_back(k * step);
  return numbers;
}

std::vector<double> powers_of_ten(double low, double high, int count) {
  const int first = static_cast<int>(std::ceil(std::log10(low) - 1e-9)),
            last = static_cast<int>(std::floor(std::log10(high) + 1e-9));
  std::vector<double> numbers;
  for (int power = first; power <= last; power += std::max(1, (last - first + count - 1) / count))
    numbers.push_back(std::pow(10.0, power));
  return numbers;
}

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
    levels.at = even_numbers(grid.lowest, grid.highest, 14);
  }
  std::sort(levels.at.begin(), levels.at.end());
  std::erase_if(levels.at, [&](double level) { return level <= grid.lowest || level >= grid.highest; });
  return levels;
}

std::string coloured(const std::string& height, const Levels& levels) {
  if (!levels.log) return "(" + height + ")";
  return text("(log10(", height, ">", levels.low, "?", height, ":", levels.low, "))");
}

std::string colours_of(const Grid& grid, const Levels& levels) {
  const auto place = [&](double z) {
    return levels.log ? std::log10(std::max(z - levels.base, levels.low)) : z - levels.base;
  };
  std::vector<double> some;
  const std::size_t stride = (levels.at.size() + 5) / 6;
  for (std::size_t k = 0; k < levels.at.size(); k += stride) some.push_back(levels.at[k]);
  const double low = place(grid.lowest), high = place(grid.highest);
  return text(
      "set palette defined (0 '#FFFFFF', 1 '#A3BDD3')\nset cbrange [", low, ":", low < high ? high : low + 1.0, "]\n",
      some.empty() ? "unset colorbox" : "set colorbox noborder\nset cbtics scale 0 (" + tics(some, place) + ")", "\n");
}

std::string contour_settings(const Levels& levels, double base) {
  if (levels.at.empty()) return "";
  std::string list;
  for (const double level : levels.at) list += (list.empty() ? "" : ",") + text(level - base);
  return "set contour base\nset cntrlabel onecolor\nset cntrparam levels discrete " + list + "\n";
}

namespace {

double rounded(double value, int digits) {
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, digits - 1);
  std::from_chars(buffer, end.ptr, value);
  return value;
}

// How many digits tell each of these from the next, with a twentieth of the distance as the error.
int digits_needed(const std::vector<double>& numbers) {
  for (int digits = 3; digits < 17; ++digits) {
    bool enough = true;
    for (std::size_t k = 1; k < numbers.size(); ++k) {
      const double most = 0.05 * (numbers[k] - numbers[k - 1]);
      for (const double number : {numbers[k - 1], numbers[k]})
        enough &= std::abs(rounded(number, digits) - number) <= most;
    }
    if (enough) return digits;
  }
  return 17;
}

}  // namespace

std::string tics(const std::vector<double>& numbers, FunctionRef<double(double)> place) {
  const int digits = digits_needed(numbers);
  std::string list;
  for (const double number : numbers) {
    std::string label;  // with a minus as gnuplot has it on axes
    for (const char c : text(rounded(number, digits))) label += c == '-' ? "−" : std::string(1, c);
    list += text(list.empty() ? "'" : ", '", label, "' ", place(number));
  }
  return list;
}

std::string far_tics(const std::string& axis, double low, double high, int count, std::size_t room) {
  const double most = std::max(std::abs(low), std::abs(high));
  const bool far = low < high && std::isfinite(high - low) && (most >= 1e6 || high - low < 1e-4 * most);
  if (!far || !apart(low, high)) return "";
  std::vector<double> numbers = even_numbers(low, high, count);
  const auto letters = [&] {  // with gaps
    std::size_t longest = 0;
    for (const double number : numbers)
      longest = std::max(longest, text(rounded(number, digits_needed(numbers))).size());
    return numbers.size() * (longest + 3);
  };
  while (--count > 0 && letters() > room) numbers = even_numbers(low, high, count);
  return "set " + axis + "tics (" + tics(numbers, [](double x) { return x; }) + ")\n";
}

}  // namespace ravine::detail
