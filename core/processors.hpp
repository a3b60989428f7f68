/// @file
/// How many processors there are to compute on; for the library's sources, not its public headers.
#pragma once

#include <string>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// How many processors' time the system allows this process and those it is grouped with (control groups, which
/// containers are made of); infinity if it sets no limit. root: the folder in which /proc and /sys lie.
double processor_quota(const std::string& root);

/// Those that the process may run on, or fewer if its time is less; at least 1. Asked for once.
int processors();

}  // namespace ravine::detail
#pragma GCC visibility pop
