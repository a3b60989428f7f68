/// @file
/// The figures of a page as pictures that stand still, for where there is no charting library;
/// for the library's sources, not its public headers.
#pragma once

#include <string>

#include <ravine/report/page.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// HTML with an SVG for each landscape and chart, in the colours of the page's style sheet.
std::string static_figures(const report::Page& page);
/// A text as it stands in HTML.
std::string in_html(const std::string& words);

}  // namespace ravine::detail
#pragma GCC visibility pop
