#include <ravine/report/style.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>

#include <ravine/core/text.hpp>
#include <ravine/core/utf8.hpp>

namespace ravine::detail {
namespace {

// The colours of Okabe and Ito (2008) without their yellow, which is faint on white.
constexpr const char* colours[] = {"#0072B2", "#D55E00", "#009E73", "#000000", "#E69F00", "#CC79A7", "#56B4E9"};
constexpr const char* dash_types[] = {"1", "(9,3)", "(2.5,2.5)", "(9,3,2.5,3)", "(14,4)"};
constexpr int marks[] = {7, 5, 9, 13, 11, 6, 4};  // discs, squares, triangles, diamonds; then open ones

}  // namespace

std::string colour(std::size_t k) { return text(" linecolor '", colours[k % std::size(colours)], "'"); }
std::string dash(std::size_t k) { return text(" dashtype ", dash_types[k % std::size(dash_types)]); }
std::string mark(std::size_t k) { return text(" pointtype ", marks[k % std::size(marks)]); }

// A line break, which would end the command, is joined from outside.
std::string quoted(const std::string& label) {
  std::string result = "'";
  for (const char c : valid_utf8(label)) {
    if (c == '\'')
      result += "''";
    else if (c == '\n')
      result += "'.\"\\n\".'";
    else
      result += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  }
  return result + "'";
}

std::string axis(const std::string& name, const std::string& label, bool log, const report::Limits& limits) {
  const auto end = [](double value) { return std::isinf(value) ? "*" : text(value); };
  return "set " + name + "label " + quoted(label) + "\n" + (log ? "set logscale " + name + "\n" : "") + "set " + name +
         "range [" + end(limits.low) + ":" + end(limits.high) + "]\n";
}

void require_limits(const char* kind, const char* name, const report::Limits& limits, bool log) {
  const double least = log ? 0.0 : -std::numeric_limits<double>::infinity();
  const bool low = std::isinf(limits.low) ? limits.low < 0.0 : limits.low > least;  // false for NaN
  if (!low || !(limits.high > std::max(limits.low, least)))
    throw std::invalid_argument(text(kind, ": ", name, " must be ascending", log ? " and positive" : "", ", got ",
                                     limits.low, " to ", limits.high));
}

}  // namespace ravine::detail
