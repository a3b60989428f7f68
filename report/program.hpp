/// @file
/// Running the programs that draw; for the library's sources, not its public headers.
#pragma once

#include <string>
#include <vector>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// What a program, found on the PATH, writes to its standard output when it reads this input. Neither a shell nor a
/// file lies between. Throws std::runtime_error, naming op, with the program's own words if it fails, or if it cannot
/// be started.
std::string run_program(const char* op, const char* program, const std::vector<const char*>& arguments,
                        const std::string& input);

}  // namespace ravine::detail
#pragma GCC visibility pop
