/// @file
/// The exceptions of readers and writers.
#pragma once

#include <ravine/core/error.hpp>

namespace ravine::data {

using ravine::FileError;

/// A file whose content is not what it should be. The message names the file, the line or byte, what was found and
/// what was expected.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ravine::data
