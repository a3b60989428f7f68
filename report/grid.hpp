/// @file
/// A function of two parameters on a grid, and the levels of its contours; for the library's sources, not its public
/// headers.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <ravine/autograd/grad.hpp>
#include <ravine/report/panel.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// f, called with two numbers.
class TwoParameters {
 public:
  TwoParameters(const char* op, Function f) : op_(op), f_(f) {}
  double value(double x, double y);
  /// 0 where f does not depend on them through a graph, NaN where it is not finite.
  std::pair<double, double> gradient(double x, double y);

 private:
  Variable call(const Variable& theta) const;

  const char* op_;
  Function f_;
  DType dtype_ = f64;  // f32 if f has refused that
};

/// Values at points that lie evenly over a domain, from its lower ends to its upper ones.
struct Grid {
  report::Limits x, y;
  std::size_t columns = 0, rows = 0;
  std::vector<double> values;          // row by row from y.low on
  double lowest = 0.0, highest = 0.0;  // of those that are finite

  double x_step() const { return (x.high - x.low) / static_cast<double>(columns - 1); }
  double y_step() const { return (y.high - y.low) / static_cast<double>(rows - 1); }
  double at(std::size_t row, std::size_t column) const { return values[row * columns + column]; }
  /// The value between grid points, bilinear; NaN outside the domain and beside what is not finite.
  double between(double px, double py) const;
  /// The gradient by differences of what is half a cell away, or at the border.
  std::pair<double, double> slope(double px, double py) const;

  /// The same function in the middles of so many columns and rows of pixels.
  Grid pixels(std::size_t across, std::size_t up) const;
  /// Heights above base as gnuplot reads a matrix, in f32, and the part of a command that puts it in its place.
  std::string matrix(double base) const;
  std::string placed(const std::string& z) const;
};

/// f on a grid of resolution by resolution points; errors, naming op, as `report::contour` says.
Grid sample(const char* op, TwoParameters& f, const report::Limits& x, const report::Limits& y, int resolution);
/// The same of values (rows, columns).
Grid sample(const char* op, const Tensor& values, const report::Limits& x, const report::Limits& y);

/// Values whose contours show a function, ascending.
struct Levels {
  std::vector<double> at;
  bool log = false;   // evenly spaced in the logarithm of their height above
  double base = 0.0;  // this one ...
  double low = 0.0;   // ... from this height on
};
/// Those that the user wants, if any; they must be finite.
Levels choose_levels(const char* op, const Grid& grid, const std::vector<double>& wanted);

/// Commands that set colours for heights, from low to high, and the legend of levels beside the picture.
std::string colours_of(const Grid& grid, const Levels& levels);
/// The number that is coloured, where a command has this for the height above the levels' base.
std::string coloured(const std::string& height, const Levels& levels);
/// Commands that have contours computed, of heights above base.
std::string contour_settings(const Levels& levels, double base);

/// About so many round numbers from low to high, or powers of ten, for an axis.
std::vector<double> even_numbers(double low, double high, int count);
std::vector<double> powers_of_ten(double low, double high, int count);
/// What stands in brackets behind "set ztics": labels with as few digits as tell the numbers apart, and places.
std::string tics(const std::vector<double>& numbers, FunctionRef<double(double)> place);
/// Commands that label an axis of numbers so large or so close together that gnuplot's labels would all be the same or
/// lie on each other, with about so many, or fewer if they are more letters than there is room for; none for others.
std::string far_tics(const std::string& axis, double low, double high, int count, std::size_t room);

}  // namespace ravine::detail
#pragma GCC visibility pop
