/// @file
/// Tensors whose elements stay in a file; for the library's sources, not its public headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <ravine/core/tensor.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// All of a file in the address space. The system reads a page when it is first looked at, and may forget it again; one
/// that is written to becomes memory of this process, and the file stays as it is. It goes with the last tensor.
class MappedFile {
 public:
  /// Throws std::system_error if the system refuses. The descriptor may be closed afterwards.
  MappedFile(int descriptor, std::size_t size);

  /// The elements from byte `at` of the file on, all of them within it: without a copy if they lie as their type asks.
  Tensor tensor(std::uint64_t at, const Shape& shape, DType dtype) const;

 private:
  struct Unmap {
    std::size_t size;
    void operator()(std::byte* begin) const;
  };
  std::shared_ptr<std::byte> bytes_;
};

/// Has the system read these bytes of a mapped file, and does not wait for it.
void will_need(const std::byte* begin, std::size_t bytes);

/// Frees the block of such a tensor (see mapped_class).
void free_mapped(void* block) noexcept;

}  // namespace ravine::detail
#pragma GCC visibility pop
