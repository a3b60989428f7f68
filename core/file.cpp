#include <ravine/core/file.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include <ravine/core/error.hpp>
#include <ravine/core/text.hpp>

namespace ravine::detail {
namespace {

/// A file that is being written, closed at the end of its scope.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  explicit operator bool() const { return fd_ >= 0; }
  bool write(std::string_view piece) {
    while (!piece.empty()) {
      const auto done = ::write(fd_, piece.data(), piece.size());
      if (done < 0 && errno != EINTR) return false;
      if (done > 0) piece.remove_prefix(static_cast<std::size_t>(done));
    }
    return true;
  }
  bool sync() { return fsync(fd_) == 0; }
  bool close() { return fd_ < 0 || ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

bool write_and_sync(const std::string& path, std::span<const std::string_view> pieces) {
  Descriptor file(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!file) return false;
  for (const std::string_view piece : pieces)
    if (!file.write(piece)) return false;
  return file.sync() && file.close();
}

/// Has the disk know a new name; a system that cannot is none of the caller's business.
void sync_folder(const std::string& path) {
  const auto end = path.rfind('/');
  Descriptor folder(end == std::string::npos ? "." : path.substr(0, end + 1), O_RDONLY | O_DIRECTORY);
  if (folder) folder.sync();
}

}  // namespace

void write_file(const char* op, const std::string& path, std::span<const std::string_view> pieces) {
  static std::atomic<unsigned> count{0};
  std::string temporary;
  bool written = false;
  do {  // one who was killed while writing may have left this name, and had this process's number
    temporary = text(path, ".", getpid(), ".", ++count);
    written = write_and_sync(temporary, pieces);
  } while (!written && errno == EEXIST);
  if (!written || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    std::remove(temporary.c_str());
    throw FileError(text(op, ": cannot write ", path, ": ", std::generic_category().message(reason)));
  }
  sync_folder(path);
}

}  // namespace ravine::detail
