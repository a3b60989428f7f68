/// @file
/// A page of figures one can play, turn and ask: one HTML file that opens from disk, needs no network and can be
/// mailed.
#pragma once

#include <array>
#include <limits>
#include <string>
#include <vector>

#include <ravine/core/tensor.hpp>

namespace ravine::report {

/// What methods did, for a page that compares them: paths on landscapes that play step by step, with the surfaces they
/// descend; curves with bands; a table. All of it is plain data, from whatever histories one has:
///
///     report::Page page{.title = "Two rates"};
///     auto& losses = page.problem("digits").charts.emplace_back();
///     losses = {.title = "Training loss", .x_labels = {"step"}, .y_label = "loss", .y_log = true};
///     losses.lines.push_back({.method = "lr = 0.1", .x = {{0, 1, 2}}, .y = {2.3, 1.7, 1.1}});
///     losses.lines.push_back({.method = "lr = 1", .x = {{0, 1, 2}}, .y = {2.3, 1.2, 0.7}});
///     page.save("rates.html");
///
/// A method has one colour, dash and mark on the whole page, by the order in which names appear, and one legend
/// switches it on and off everywhere. Texts are UTF-8 and are shown as they are. Lines and paths are thinned where a
/// picture shows no difference, numbers rounded to six digits.
struct Page {
  static constexpr double none = std::numeric_limits<double>::quiet_NaN();

  /// The way of one method over a landscape: vectors of one length.
  struct Path {
    std::string method;
    std::vector<double> x = {}, y = {};
    std::vector<double> loss = {};   ///< at the points; not a number or infinite where it diverged
    std::vector<double> steps = {};  ///< ascending; 0, 1, 2, … if empty
    std::string note = "";           ///< said where the path is read out, such as what it was run with
  };

  /// A function of two numbers on a grid, with paths on it: a test function, or a network's loss along two directions.
  struct Landscape {
    std::string title;
    std::string x_label = "x", y_label = "y";
    std::vector<double> x = {}, y = {};  ///< of the grid's lines, ascending and equally spaced, at least two
    std::vector<double> f = {};          ///< row by row: f[j * x.size() + i] at (x[i], y[j])
    std::vector<std::array<double, 2>> starts = {}, minima = {};
    double minimum = none;   ///< the lowest value there is; curves on a logarithmic axis show what lies above it
    bool projected = false;  ///< paths are projections: their losses are not f at their points, and both are said
    std::vector<Path> paths = {};
    std::string note = "";
  };

  /// Points (x, y) in their order. An infinite y is marked at the upper edge: what diverged. NaN leaves a gap.
  struct Line {
    std::string method;
    std::vector<std::vector<double>> x = {};  ///< one for each of the chart's x_labels
    std::vector<double> y = {};
    std::vector<double> low = {}, high = {};  ///< of a band around it; none if empty
    std::string label = "";                   ///< tells lines of one method apart, such as "test"; drawn fainter
  };

  /// A bar of a method, from 0 to a value.
  struct Bar {
    std::string method;
    double value = 0.0;
    std::string text = "";  ///< said beside it
  };

  /// Axes with lines, or with bars.
  struct Chart {
    std::string title;
    std::vector<std::string> x_labels = {"step"};  ///< if several, the reader chooses which x is shown
    std::string y_label = "loss";
    bool x_log = false, y_log = false;  ///< at first; the reader may switch
    bool stairs = false;                ///< y holds until the next x
    bool share = false;                 ///< y is a share, and its axis goes from 0 to 1
    std::vector<Line> lines = {};
    std::vector<Bar> bars = {};
    std::string note = "";
  };

  /// One problem with its figures.
  struct Problem {
    std::string name;
    std::string about = "";
    std::vector<Landscape> landscapes = {};  ///< if several, the reader chooses which is shown, by their titles
    std::vector<Chart> charts = {};
  };

  /// Text or a number, perhaps in an interval. A column is sorted by the numbers where there are some; infinity, which
  /// stands for what was not reached, is the last, and is shown as a dash.
  struct Cell {
    std::string text = "";  ///< shown instead of the number
    double value = none, low = none, high = none;
  };

  struct Row {
    std::string problem, method;
    std::vector<Cell> cells = {};  ///< one for each of the table's columns
    std::string command = "";      ///< of a shell and in C++, for the reader to copy; no button if empty
    std::string code = "";
  };

  /// A row for each problem and method, to be sorted by any column.
  struct Table {
    std::vector<std::string> columns = {};  ///< after problem and method
    std::vector<Row> rows = {};
    std::string note = "";
  };

  std::string title = "";
  std::string about = "";
  std::vector<Problem> problems = {};
  std::vector<Chart> charts = {};  ///< of all problems together
  Table table = {};

  /// The problem of this name, made if there is none. The reference holds until the next is made.
  Problem& problem(const std::string& name);

  /// The page. Throws std::invalid_argument, naming the figure, for vectors whose lengths do not agree, a grid that is
  /// not ascending and equally spaced, or cells that are not one for each column.
  std::string html() const;
  /// Writes it; the file appears complete or not at all. Throws as `html`, and FileError if it cannot be written.
  void save(const std::string& path) const;
};

}  // namespace ravine::report
