/// @file
/// Writing files; for the library's sources, not its public headers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Writes the pieces, one after the other, as a file, which takes the place of what was there when all of it is on the
/// disk: whoever is stopped on the way, by a kill or a full disk, leaves what was there, and no other file (where the
/// system has no files without a name, one that the next writer removes). Several who write to one path leave the file
/// of one of them. Permissions stay as they were, a symbolic link stays and what it leads to is replaced, a pipe or a
/// device is written to. Throws FileError that names `op`, the path and the system's reason.
void write_file(const char* op, const std::string& path, std::span<const std::string_view> pieces);

}  // namespace ravine::detail
#pragma GCC visibility pop
