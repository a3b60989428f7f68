#include <ravine/data/binary_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>

namespace ravine::detail {
namespace {

[[noreturn]] void refuse(const char* what, const std::string& path, const std::string& why) {
  throw FileError(text("cannot ", what, " ", path, ": ", why));
}

std::string system_error() { return std::generic_category().message(errno); }

}  // namespace

// Without O_NONBLOCK opening a pipe waits for somebody who writes to it.
BinaryFile::BinaryFile(const std::string& path)
    : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  struct stat about {};
  const bool known = descriptor_ >= 0 && fstat(descriptor_, &about) == 0;
  size_ = static_cast<std::uint64_t>(about.st_size);
  if (known && S_ISREG(about.st_mode)) return;
  const std::string why = known ? "not a regular file" : system_error();
  if (descriptor_ >= 0) close(descriptor_);
  refuse("open", path, why);
}

BinaryFile::~BinaryFile() { close(descriptor_); }

void BinaryFile::read(std::uint64_t at, void* to, std::size_t count) const {
  for (auto* place = static_cast<char*>(to); count > 0;) {
    const auto got = pread(descriptor_, place, count, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse("read", path_, system_error());
    if (got == 0) refuse("read", path_, text("it ends at byte ", at, ", and had ", size_));
    place += got;
    at += static_cast<std::uint64_t>(got);
    count -= static_cast<std::size_t>(got);
  }
}

std::string BinaryFile::read(std::uint64_t at, std::size_t count) const {
  std::string bytes(count, '\0');
  read(at, bytes.data(), count);
  return bytes;
}

MappedFile BinaryFile::map() const try {
  return MappedFile(descriptor_, size_);
} catch (const std::system_error& error) {
  refuse("map", path_, error.code().message());
}

}  // namespace ravine::detail
