#include <ravine/compare/shared_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include <ravine/core/error.hpp>
#include <ravine/core/text.hpp>

namespace ravine::compare {
namespace {

/// Far behind all that is written. Locks are the open file's, so they are there for another thread's as well.
struct flock place(std::uint64_t number, int how) {
  struct flock result {};
  result.l_type = static_cast<short>(how);
  result.l_whence = SEEK_SET;
  result.l_start = static_cast<off_t>((std::uint64_t{1} << 62) + number);
  result.l_len = 1;
  return result;
}

}  // namespace

SharedFile::SharedFile(const std::string& path)
    : path_(path), file_(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  check(file_ >= 0);
}

SharedFile::~SharedFile() {
  if (file_ >= 0) close(file_);
}

void SharedFile::check(bool done) const {
  if (!done)
    throw FileError(detail::text("compare: cannot write ", path_, ": ", std::generic_category().message(errno)));
}

int SharedFile::set(std::uint64_t number, int how, int command) {
  struct flock there = place(number, how);
  int result;
  do result = fcntl(file_, command, &there);
  while (result != 0 && errno == EINTR);
  return result;
}

void SharedFile::lock(std::uint64_t number, Lock how) {
  check(set(number, how == shared ? F_RDLCK : F_WRLCK, F_OFD_SETLKW) == 0);
}

bool SharedFile::try_lock(std::uint64_t number) {
  const bool done = set(number, F_WRLCK, F_OFD_SETLK) == 0;
  check(done || errno == EAGAIN || errno == EACCES);
  return done;
}

void SharedFile::unlock(std::uint64_t number) { check(set(number, F_UNLCK, F_OFD_SETLK) == 0); }

bool SharedFile::removed() const {
  struct stat mine {
  }, there{};
  return fstat(file_, &mine) != 0 || stat(path_.c_str(), &there) != 0 || mine.st_ino != there.st_ino ||
         mine.st_dev != there.st_dev;
}

std::string SharedFile::read(std::uint64_t begin) const {
  struct stat now {};
  check(fstat(file_, &now) == 0);
  const auto end = static_cast<std::uint64_t>(now.st_size);
  std::string bytes(end > begin ? end - begin : 0, '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto more = pread(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(begin + done));
    check(more >= 0 || errno == EINTR);
    if (more == 0) bytes.resize(done);
    if (more > 0) done += static_cast<std::size_t>(more);
  }
  return bytes;
}

void SharedFile::write(std::uint64_t begin, const std::string& bytes) {
  check(ftruncate(file_, static_cast<off_t>(begin)) == 0);
  for (std::size_t done = 0; done < bytes.size();) {
    const auto more = pwrite(file_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(begin + done));
    check(more >= 0 || errno == EINTR);
    if (more > 0) done += static_cast<std::size_t>(more);
  }
}

bool is_locked(const std::string& path, std::uint64_t number) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  struct flock there = place(number, F_WRLCK);
  const bool known = fcntl(file, F_OFD_GETLK, &there) == 0;
  close(file);
  return known && there.l_type != F_UNLCK;
}

}  // namespace ravine::compare
