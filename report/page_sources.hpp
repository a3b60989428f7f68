/// @file
/// What a page is made of, written into the library when CMake configures it; for the library's sources, not its public
/// headers.
#pragma once

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// report/page/page.html with style, scripts and the charting library in it, and marks for the rest.
extern const char* const page_template;
/// The charting library's licence, as it must stand beside it; empty if the library was not found.
extern const char* const page_licence;

}  // namespace ravine::detail
#pragma GCC visibility pop
