/// @file
/// One array in NumPy's format, wherever its bytes come from; for the library's sources, not its public headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <ravine/core/function_ref.hpp>
#include <ravine/core/tensor.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// Bytes that are handed out one after the other.
struct ByteSource {
  std::string name;                                     // in messages: "w.npy", "all.npz: w.npy"
  std::uint64_t size;                                   // in all
  FunctionRef<void(void* to, std::size_t count)> next;  // no more than there are
};

/// What an array's header says: it is checked, and fits the size of the source.
struct NpyHeader {
  char kind;          // b, i, u or f
  std::size_t bytes;  // of an element
  bool swapped;       // the elements are big-endian
  bool fortran;       // the first index runs fastest
  Shape shape;
  std::uint64_t first;  // byte of the first element
};

/// Takes the header from the front of a source. Throws data::FormatError.
NpyHeader read_npy_header(ByteSource& source);
/// The array that is all of a source. Throws data::FormatError.
Tensor read_npy_array(ByteSource& source);
/// What stands in front of the elements of an array as it lies in memory: a multiple of 64 bytes.
std::string npy_header_of(const Tensor& array);

}  // namespace ravine::detail
#pragma GCC visibility pop
