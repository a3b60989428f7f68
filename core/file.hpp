/// @file
/// Writing files; for the library's sources, not its public headers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Writes the pieces, one after the other, as a file. It is written beside `path` and takes that name when all of it is
/// on the disk: whoever is stopped on the way leaves what was there. Throws FileError that names `op`, the path and the
/// system's reason.
void write_file(const char* op, const std::string& path, std::span<const std::string_view> pieces);

}  // namespace ravine::detail
#pragma GCC visibility pop
