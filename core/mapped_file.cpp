#include <ravine/core/mapped_file.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace ravine::detail {
namespace {

/// What stands before other tensors' elements, and what keeps these in their place.
struct MappedStorage : Storage {
  std::shared_ptr<std::byte> file;
};

}  // namespace

MappedFile::MappedFile(int descriptor, std::size_t size) {
  // Memory for pages that are written to is not set aside: there may be more of them than the system could ever have.
  void* begin = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, descriptor, 0);
  if (begin == MAP_FAILED) throw std::system_error(errno, std::generic_category());
  bytes_ = {static_cast<std::byte*>(begin), Unmap{size}};
}

void MappedFile::Unmap::operator()(std::byte* begin) const { munmap(begin, size); }

Tensor MappedFile::tensor(std::uint64_t at, const Shape& shape, DType dtype) const {
  const std::byte* const elements = bytes_.get() + at;
  const bool aligned = reinterpret_cast<std::uintptr_t>(elements) % size_of(dtype) == 0;
  if (aligned && shape.numel() > 0) {
    auto* storage = new MappedStorage{{}, bytes_};
    storage->size_class = mapped_class;
    return Tensor(storage, elements, shape, dtype);
  }
  Tensor copy(shape, dtype);
  std::memcpy(copy.bytes(), elements, static_cast<std::size_t>(shape.numel()) * size_of(dtype));
  return copy;
}

void will_need(const std::byte* begin, std::size_t bytes) {
  static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const std::uintptr_t before = reinterpret_cast<std::uintptr_t>(begin) % page;
  madvise(const_cast<std::byte*>(begin) - before, bytes + before, MADV_WILLNEED);
}

void free_mapped(void* block) noexcept { delete static_cast<MappedStorage*>(static_cast<Storage*>(block)); }

}  // namespace ravine::detail
