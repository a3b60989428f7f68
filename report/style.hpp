/// @file
/// How pictures look: colours, dashes and marks, and texts as gnuplot takes them; for the library's sources, not its
/// public headers.
#pragma once

#include <string>

#include <ravine/report/panel.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// " linecolor '#0072B2'" and " dashtype 1" of curve k: the same pair again after 35 of them.
std::string colour(std::size_t k);
std::string dash(std::size_t k);
/// " pointtype 7" of curve k.
std::string mark(std::size_t k);

/// Of points that are no curve's.
inline constexpr const char* start_mark = " pointtype 6 pointsize 1.3 linewidth 2 linecolor '#000000'";
inline constexpr const char* minimum_mark = " pointtype 3 pointsize 1.2 linewidth 2 linecolor '#000000'";

/// A text in single quotes, in which gnuplot replaces nothing.
std::string quoted(const std::string& label);
/// Commands that set up an axis.
std::string axis(const std::string& name, const std::string& label, bool log, const report::Limits& limits);
/// Throws std::invalid_argument, naming kind and axis, unless the limits ascend, and are positive on a logarithmic
/// axis.
void require_limits(const char* kind, const char* name, const report::Limits& limits, bool log);

}  // namespace ravine::detail
#pragma GCC visibility pop
