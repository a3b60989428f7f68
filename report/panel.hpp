/// @file
/// What pictures of every kind have in common: they are saved, alone or several in one file. They are drawn by the
/// program gnuplot, which must be installed where a picture is saved.
#pragma once

#include <limits>
#include <string>
#include <vector>

/// Pictures of what training does.
namespace ravine::report {

/// The part of an axis that is shown; where an end is infinite, what is drawn decides.
struct Limits {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
};

/// A picture with axes: a Plot, a Contour or a Surface. A copy of one of these as a Panel draws the same.
///
/// Texts are UTF-8 and are drawn as they are, letter by letter, with their line breaks. What has a label gets a place
/// in the legend below the axes. Colours, dashes and marks are such that colour-blind readers can tell them apart.
class Panel {
 public:
  /// Draws the panel as .svg, .png or .pdf, whichever the path ends in. The file appears complete or not at all.
  /// Throws std::invalid_argument for another ending or without a single point that can be drawn, FileError if
  /// the file cannot be written, std::runtime_error if gnuplot is not installed or fails.
  void save(const std::string& path) const;

 protected:
  /// Throws std::invalid_argument, naming the kind, for a size below 100.
  Panel(const char* kind, const std::string& title, int width, int height);

  /// One more layer: the rest of a gnuplot command after "plot", with lines of data, if any, that it calls by the name
  /// this returns.
  std::string add_data(const std::string& lines);
  void add_layer(const std::string& clause) { layers_ += (layers_.empty() ? "" : ", ") + clause; }
  /// Its place in the legend, as a layer has it; none for an empty label.
  std::string titled(const std::string& label);
  /// Index of the next curve, of which each has its own style.
  std::size_t next_style() { return styles_++; }

  std::string settings_;  // commands that come first
  const char* command_ = "plot";
  bool drawable_ = false;  // there is a point to be drawn

 private:
  friend void save_grid(const std::string& path, const std::vector<Panel>& panels, int columns);
  static void save(const char* op, const std::string& path, const std::vector<Panel>& panels, int columns);
  std::string script(const char* op) const;

  const char* kind_;
  std::string title_;
  int width_, height_;
  std::string data_, layers_;
  std::size_t blocks_ = 0, styles_ = 0, label_lines_ = 1;
};

/// Draws several panels, of any kinds, in one picture, row by row, each as large as the largest:
/// `save_grid("both.svg", {contour, losses}, 2)`. Throws as `Panel::save`, and std::invalid_argument for less than one
/// column or no panel.
void save_grid(const std::string& path, const std::vector<Panel>& panels, int columns);

}  // namespace ravine::report
