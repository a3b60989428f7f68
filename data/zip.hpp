/// @file
/// The part of the ZIP format that .npz files use; for the library's sources, not its public headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <ravine/data/binary_file.hpp>

struct z_stream_s;  // zlib's

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// A file in an archive.
struct ZipEntry {
  std::string name;
  bool deflated = false;
  std::uint32_t crc = 0;
  std::uint64_t size = 0, stored = 0;  // bytes it has, and takes in the archive
  std::uint64_t header = 0;            // byte of the archive where its header starts
  std::uint64_t first = 0;             // and where it starts itself
};

/// The files in an archive, in the order in which they lie there. Checked: they lie inside, without overlap, and none
/// is said to be larger than it can be. Throws data::FormatError.
std::vector<ZipEntry> zip_entries(const BinaryFile& archive);

/// Unpacks one file of an archive from front to back.
class ZipReader {
 public:
  ZipReader(const BinaryFile& archive, const ZipEntry& entry);

  /// The next `count` bytes of `size`. Throws data::FormatError if the packed ones give fewer or are damaged.
  void read(void* to, std::size_t count);
  /// After all of them: throws data::FormatError if they are not those that were packed.
  void check_end();

 private:
  struct EndInflate {
    void operator()(z_stream_s* stream) const;
  };
  bool inflate(unsigned char* to, std::size_t count);
  template <class... What>
  [[noreturn]] void refuse(const What&... what) const;

  const BinaryFile& archive_;
  const ZipEntry& entry_;
  std::uint64_t at_ = 0;  // of the packed bytes
  unsigned long crc_ = 0;
  std::unique_ptr<z_stream_s, EndInflate> stream_;  // if they are deflated
  std::vector<unsigned char> packed_;
};

/// What stands in front of a stored file.
std::string zip_header(const ZipEntry& entry);
/// What stands behind all files, from byte `at` of the archive on.
std::string zip_directory(const std::vector<ZipEntry>& entries, std::uint64_t at);

}  // namespace ravine::detail
#pragma GCC visibility pop
