/// @file
/// Running gnuplot; for the library's sources, not its public headers.
#pragma once

#include <string>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// What gnuplot, found on the PATH, writes to its standard output when it runs this script. Neither a shell nor a file
/// lies between. Throws std::runtime_error with gnuplot's own words if it fails, or if it cannot be started.
std::string run_gnuplot(const std::string& script);

}  // namespace ravine::detail
#pragma GCC visibility pop
