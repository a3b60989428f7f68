/// @file
/// Pictures of curves. They are drawn by the program gnuplot, which must be installed where a picture is saved.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include <ravine/core/tensor.hpp>

/// Pictures of what training does.
namespace ravine::report {

/// The part of an axis that is shown; where an end is infinite, the points decide.
struct Limits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// Texts are UTF-8 and are drawn as they are, letter by letter, with their line breaks.
struct PlotOptions {
  std::string title = "";
  std::string x_label = "", y_label = "";
  bool x_log = false, y_log = false;  ///< logarithmic axes
  Limits x_limits = {}, y_limits = {};
  int width = 640, height = 420;  ///< of the panel, in pixels of 1/96 inch; at least 100
};

/// One panel with axes and curves. Curves take colours that colour-blind readers can tell apart, in their order, and a
/// legend below the axes names those with a label.
///
///     report::Plot plot({.title = "Training", .x_label = "step t", .y_label = "loss", .y_log = true});
///     plot.line(steps, losses, "Adam").save("training.svg");
class Plot {
 public:
  /// Throws std::invalid_argument for limits that are not ascending, or not positive on a logarithmic axis, and for a
  /// size below 100.
  explicit Plot(PlotOptions options = {});

  /// Straight lines from each point (x, y) to the next.
  ///   x, y     vectors of one length, f32 or f64; the values are copied
  ///   label    its name in the legend; none if empty
  ///   gaps     where x or y is NaN or infinite, or is not positive on a logarithmic axis, the line is interrupted
  ///   throws   ShapeError, DTypeError
  Plot& line(const Tensor& x, const Tensor& y, const std::string& label = "");
  /// A mark at each point (x, y); otherwise as `line`.
  Plot& points(const Tensor& x, const Tensor& y, const std::string& label = "");

  /// Draws the panel as .svg, .png or .pdf, whichever the path ends in. The file appears complete or not at all.
  /// Throws std::invalid_argument for another ending or without a single point that can be drawn, FileError if
  /// the file cannot be written, std::runtime_error if gnuplot is not installed or fails.
  void save(const std::string& path) const;
  /// Draws several panels in one picture, row by row, each as large as the largest. Throws as `save`, and
  /// std::invalid_argument for less than one column or no panel.
  static void save_grid(const std::string& path, const std::vector<Plot>& panels, int columns);

 private:
  struct Curve {
    bool line;
    std::vector<double> x, y;
    std::string label;
  };

  Plot& add(const char* op, bool line, const Tensor& x, const Tensor& y, const std::string& label);
  bool drawable(double x, double y) const;
  std::string script(const char* op) const;
  static void save(const char* op, const std::string& path, const std::vector<Plot>& panels, int columns);

  PlotOptions options_;
  std::vector<Curve> curves_;
};

}  // namespace ravine::report
