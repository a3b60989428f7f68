/// @file
/// The exceptions of tensors, gradients and files. A message names the operation and what it got.
#pragma once

#include <stdexcept>

namespace ravine {

/// Shapes that do not fit an operation.
class ShapeError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Element types that do not fit an operation, or each other: there is no implicit conversion.
class DTypeError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// A file that cannot be opened, read or written. The message names the file and the system's reason.
class FileError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A NaN or an infinity found under DetectAnomaly.
class AnomalyError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace ravine
