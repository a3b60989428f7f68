/// @file
/// Reading any part of a file, of a size that is known before; for the library's sources, not its public headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <ravine/core/mapped_file.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The number in at most 8 bytes, the least first.
constexpr std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i > 0; --i) value = value << 8 | static_cast<unsigned char>(bytes[i - 1]);
  return value;
}

/// A regular file that is open, as large as it was then.
class BinaryFile {
 public:
  /// Throws data::FileError if there is none that can be opened.
  explicit BinaryFile(const std::string& path);
  ~BinaryFile();
  BinaryFile(const BinaryFile&) = delete;
  BinaryFile& operator=(const BinaryFile&) = delete;

  const std::string& path() const { return path_; }
  std::uint64_t size() const { return size_; }

  /// The `count` bytes from byte `at` on, all of them within the size. Throws data::FileError if the system cannot read
  /// them, which includes that somebody has cut the file off meanwhile.
  void read(std::uint64_t at, void* to, std::size_t count) const;
  std::string read(std::uint64_t at, std::size_t count) const;
  /// Its bytes as they are needed, also after this object is gone. Throws data::FileError.
  MappedFile map() const;

 private:
  std::string path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

/// Hands out the bytes of a file from byte `at` on, one after the other.
inline auto bytes_from(const BinaryFile& file, std::uint64_t at) {
  return [&file, at](void* to, std::size_t count) mutable {
    file.read(at, to, count);
    at += count;
  };
}

}  // namespace ravine::detail
#pragma GCC visibility pop
