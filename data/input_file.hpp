/// @file
/// Reading files, plain or gzip; for the library's sources, not its public headers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <ravine/core/tensor.hpp>

struct gzFile_s;  // zlib's

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The bytes of a file. Those of a plain one are mapped, not copied: the system ends a program that looks at them after
/// someone else has cut the file.
struct FileBytes {
  Tensor mapped;  ///< (bytes) u8, or undefined
  std::string read;

  std::string_view view() const {
    if (!mapped.defined()) return read;
    return {reinterpret_cast<const char*>(mapped.data<std::uint8_t>()), static_cast<std::size_t>(mapped.numel())};
  }
};

/// A file read from front to back. A gzip file is unpacked on the way; any other is read as it is.
class InputFile {
 public:
  /// Throws data::FileError if the file cannot be opened.
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  const std::string& path() const { return path_; }

  /// The next `count` bytes, or as many as are left. Memory grows with what is there, not with what is asked for.
  /// Throws data::FileError if the system cannot read, data::FormatError if a gzip stream is damaged or cut off.
  std::string read(std::size_t count);
  /// All bytes of a file of which none has been read.
  FileBytes read_all();

 private:
  std::size_t read_into(char* to, std::size_t count);
  void check();

  std::string path_;
  gzFile_s* file_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
