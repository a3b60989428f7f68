/// @file
/// Running the programs that draw; for the library's sources, not its public headers.
#pragma once

#include <string>
#include <vector>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Writes a picture as a file: what a program, found on the PATH, writes to its standard output when it reads this
/// input. Neither a shell nor another file lies between. Throws std::runtime_error, naming op, with the program's own
/// words if it fails, or if it cannot be started, and FileError as `write_file`.
void draw(const char* op, const std::string& path, const char* program, const std::vector<const char*>& arguments,
          const std::string& input);

/// A path in none of the formats there are: std::invalid_argument, naming op.
[[noreturn]] void refuse_ending(const char* op, const std::string& path);

}  // namespace ravine::detail
#pragma GCC visibility pop
