/// @file
/// Numbers in the command lines of benchmarks.
#pragma once

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace bench {

/// Argument k as a number, 1e7 as well as 10000000; another if there are fewer. What is no number ends the program.
template <class T>
T argument(int argc, char** argv, int k, T otherwise) {
  if (k >= argc) return otherwise;
  const char* const end = argv[k] + std::strlen(argv[k]);
  double number = 0;
  const auto read = std::from_chars(argv[k], end, number);
  if (read.ec == std::errc() && read.ptr == end && static_cast<double>(static_cast<T>(number)) == number)
    return static_cast<T>(number);
  std::fprintf(stderr, "%s: argument %d is '%s', which is no number it takes\n", argv[0], k, argv[k]);
  std::exit(2);
}

}  // namespace bench
