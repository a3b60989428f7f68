/// @file
/// Elements as files store them, and the tensors they become; for the library's sources, not its public headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

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

/// How an element is stored: b1, i1 to i8, u1 to u8, f2, f4, f8, or g2, bfloat16.
struct StoredType {
  char kind;
  std::size_t bytes;
  bool swapped = false;  // big-endian
};

/// What such elements become: b1 and u1 u8, other integers i64, f8 f64, other floats f32.
DType dtype_of(StoredType type);
/// Whether they lie in the file as in a tensor.
bool lies_as_in_memory(StoredType type);

/// A tensor's elements, as files hold them; they live as long as it.
inline std::string_view elements(const Tensor& x) {
  return {reinterpret_cast<const char*>(x.bytes()), static_cast<std::size_t>(x.numel()) * size_of(x.dtype())};
}

/// The number of elements, for a shape that may be a lie; nothing if it is more than any tensor may have, or would be
/// without the sizes of 0.
std::optional<std::uint64_t> possible_numel(std::span<const Index> shape);

/// The tensor whose elements come next in a source. Throws data::FormatError for a u8 that i64 does not hold.
Tensor read_elements(ByteSource& source, StoredType type, const Shape& shape);

}  // namespace ravine::detail
#pragma GCC visibility pop
