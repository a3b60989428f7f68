/// @file
/// IDX files: the format in which MNIST and its relatives are distributed.
#pragma once

#include <string>

#include <ravine/core/tensor.hpp>

namespace ravine::data {

/// Reads an IDX file, plain or gzip. Bytes 0, 0, type and rank; then the sizes and the elements, big-endian, row-major.
///
/// Unsigned bytes give u8; signed bytes, 16-bit and 32-bit integers give i64; float gives f32, double f64.
/// Throws FileError; FormatError for a bad header, for fewer bytes than it promises, and for more. Memory grows with
/// what the file holds, whatever its header says.
/// Source: the description of the format on the MNIST database's page (LeCun, Cortes, Burges).
Tensor read_idx(const std::string& path);

}  // namespace ravine::data
