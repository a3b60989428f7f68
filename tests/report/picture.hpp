// What tests look for in a picture: an SVG as gnuplot writes it.
#pragma once

#include <algorithm>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <ravine/report/report.hpp>

#include "../data/temporary.hpp"

using Piece = std::vector<std::pair<double, double>>;  // points that lines join, in pixels from the upper left corner

inline std::string svg(const ravine::report::Panel& panel) {
  const TemporaryFile file("picture.svg");
  panel.save(file.path());
  return file.read();
}

inline int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

// What is drawn as the layer of this number, counted from 1, in panel a, b, ...; its sample in the legend comes first.
inline std::string layer(const std::string& picture, int number, char panel = 'a') {
  const std::size_t begin = picture.find("id=\"gnuplot_plot_" + std::to_string(number) + panel + '"');
  return begin == std::string::npos ? "" : picture.substr(begin, picture.find("</g>\n\t</g>", begin) - begin);
}

namespace pictures {

// The texts between begin and end.
inline std::vector<std::string> between(const std::string& text, const std::string& begin, const std::string& end) {
  std::vector<std::string> found;
  for (std::size_t at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
    const std::size_t from = at + begin.size();
    found.push_back(text.substr(from, text.find(end, from) - from));
  }
  return found;
}

inline Piece points(std::string text) {
  std::replace(text.begin(), text.end(), ',', ' ');
  std::istringstream numbers(text);
  Piece piece;
  for (double x = 0.0, y = 0.0; numbers >> x >> y;) piece.emplace_back(x, y);
  return piece;
}

}  // namespace pictures

// The lines in a layer, without its marks.
inline std::vector<Piece> pieces_of(const std::string& layer) {
  std::vector<Piece> result;
  for (const std::string& path : pictures::between(layer, " d='", "'"))
    for (std::string piece : pictures::between(path + "M", "M", "M")) {
      std::replace(piece.begin(), piece.end(), 'L', ' ');
      std::replace(piece.begin(), piece.end(), 'Z', ' ');
      result.push_back(pictures::points(piece));
    }
  std::erase_if(result, [](const Piece& piece) { return piece.size() < 2; });
  return result;
}

// Its filled shapes, and where its marks are.
inline std::vector<Piece> polygons_of(const std::string& layer) {
  std::vector<Piece> result;
  for (const std::string& corners : pictures::between(layer, " points = '", "'"))
    result.push_back(pictures::points(corners));
  return result;
}
inline Piece marks_of(const std::string& layer) {
  Piece marks;
  for (const std::string& place : pictures::between(layer, "transform='translate(", ")"))
    marks.push_back(pictures::points(place).at(0));
  return marks;
}

struct Box {
  double left, right, top, bottom;
};
inline Box box_of(const Piece& piece) {
  Box box{1e9, -1e9, 1e9, -1e9};
  for (const auto& [x, y] : piece)
    box = {std::min(box.left, x), std::max(box.right, x), std::min(box.top, y), std::max(box.bottom, y)};
  return box;
}
