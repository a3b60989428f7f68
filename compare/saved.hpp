/// @file
/// Reading a finished comparison back from its files; for the library's sources, not its public headers.
#pragma once

#include <string>
#include <vector>

#include <ravine/compare/results.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::compare {

/// Whether Results::save has been through in the folder.
bool is_saved(const std::string& folder);

/// The comparison of these that Results::save has written into the folder. Throws std::invalid_argument, naming what
/// differs, if it is another one; FileError for a file that cannot be read; data::FormatError for one that is damaged,
/// or not as it was written.
Results read_saved(const std::string& folder, const std::vector<Problem>& problems, const std::vector<Method>& methods,
                   const Protocol& protocol);

}  // namespace ravine::compare
#pragma GCC visibility pop
