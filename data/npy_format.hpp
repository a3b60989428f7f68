/// @file
/// One array in NumPy's format, wherever its bytes come from; for the library's sources, not its public headers.
#pragma once

#include <string>

#include <ravine/data/stored.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The array that is all of a source. Throws data::FormatError.
Tensor read_npy_array(ByteSource& source);
/// What stands in front of the elements of an array as it lies in memory: a multiple of 64 bytes.
std::string npy_header_of(const Tensor& array);

}  // namespace ravine::detail
#pragma GCC visibility pop
