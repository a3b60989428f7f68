/// @file
/// Pictures of curves, points, bands and bars.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include <ravine/core/tensor.hpp>
#include <ravine/report/panel.hpp>

namespace ravine::report {

struct PlotOptions {
  std::string title = "";
  std::string x_label = "", y_label = "";
  bool x_log = false, y_log = false;  ///< logarithmic axes
  Limits x_limits = {}, y_limits = {};
  int width = 640, height = 420;  ///< of the panel, in pixels of 1/96 inch; at least 100
};

/// One panel with two axes. What is drawn in it takes its own colour and dash or mark, in its order.
///
///     report::Plot plot({.title = "Training", .x_label = "step t", .y_label = "loss", .y_log = true});
///     plot.line(steps, losses, "Adam").band(steps, losses_of_seeds, "SGD").save("training.svg");
///
/// x, y and the like are vectors of one length, f32 or f64, whose values are copied; ShapeError, DTypeError for others.
/// Where one is NaN or infinite, or is not positive on a logarithmic axis, there is a gap.
class Plot : public Panel {
 public:
  /// Throws std::invalid_argument for limits that are not ascending, or not positive on a logarithmic axis, and for a
  /// size below 100.
  explicit Plot(PlotOptions options = {});

  /// Straight lines from each point (x, y) to the next. One that stands alone is a dot.
  Plot& line(const Tensor& x, const Tensor& y, const std::string& label = "");
  /// A mark at each point (x, y).
  Plot& points(const Tensor& x, const Tensor& y, const std::string& label = "");
  /// The line (x, middle) on a shaded band from (x, low) to (x, high). One that stands alone is a dot on a bar.
  Plot& band(const Tensor& x, const Tensor& low, const Tensor& middle, const Tensor& high,
             const std::string& label = "");
  /// The median of several runs at each x on a band from their lower to their upper quartile, which lie between runs as
  /// in NumPy's `quantile`. A run that is NaN there counts as infinite, as it has failed.
  ///   runs     (runs, x.numel()), at least one run
  Plot& band(const Tensor& x, const Tensor& runs, const std::string& label = "");
  /// A bar for each name, from 0 or the lower end of a logarithmic axis; further calls with the same names set theirs
  /// beside them. The bar of names[i] stands at x = i, and the x axis shows the names. Throws std::invalid_argument for
  /// other names than before.
  Plot& bars(const std::vector<std::string>& names, const Tensor& heights, const std::string& label = "");

 private:
  static constexpr Limits nothing{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  struct Column {
    Column(const char* name, const Tensor& values) : name(name), values(&values) {}
    const char* name;
    const Tensor* values;
  };
  std::string add_rows(const char* op, const std::vector<Column>& columns, std::string* alone = nullptr);
  void add_line(const std::string& data, const std::string& alone, std::size_t k, const std::string& label);
  void label_axes();
  void name_bars(const std::vector<std::string>& names);
  void stand_bars();
  bool drawable(double x, double y) const;

  PlotOptions options_;
  Limits x_ = nothing, y_ = nothing;  // of what is drawn, but for bars
  std::vector<std::string> names_;    // of bars
  double lowest_bar_ = std::numeric_limits<double>::infinity();
};

}  // namespace ravine::report
