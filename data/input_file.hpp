/// @file
/// Reading files, plain or gzip; for the library's sources, not its public headers.
#pragma once

#include <cstddef>
#include <string>

struct gzFile_s;  // zlib's

#pragma GCC visibility push(hidden)
namespace ravine::detail {

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
  /// The bytes that are left.
  std::string read_all();

 private:
  std::size_t read_into(char* to, std::size_t count);
  void check();

  std::string path_;
  gzFile_s* file_;
};

}  // namespace ravine::detail
#pragma GCC visibility pop
