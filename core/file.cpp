#include <ravine/core/file.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include <ravine/core/error.hpp>
#include <ravine/core/text.hpp>

namespace ravine::detail {
namespace {

using Pieces = std::span<const std::string_view>;

[[noreturn]] void fail(int reason) { throw std::system_error(reason, std::generic_category()); }
void check(bool done) {
  if (!done) fail(errno);
}

/// An open file, closed at the end of its scope.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : number_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  explicit operator bool() const { return number_ >= 0; }
  int number() const { return number_; }
  void write(Pieces pieces) const {
    for (std::string_view piece : pieces)
      while (!piece.empty()) {
        const auto done = ::write(number_, piece.data(), piece.size());
        check(done >= 0 || errno == EINTR);
        if (done > 0) piece.remove_prefix(static_cast<std::size_t>(done));
      }
  }
  void sync() const { check(fsync(number_) == 0); }

 private:
  int number_;
};

/// Where a path leads that may be a symbolic link.
std::string followed(std::filesystem::path path) {
  for (int links = 0; links < 40; ++links) {
    std::error_code none;
    const std::filesystem::path next = read_symlink(path, none);
    if (none) return path.string();
    path = path.parent_path() / next;
  }
  fail(ELOOP);
}

/// A regular file, there or not, that is to be replaced as a whole.
class Replacement {
 public:
  Replacement(const std::string& path, const struct stat* before)
      : path_(followed(path)), before_(before), folder_(path_.substr(0, path_.rfind('/') + 1)) {
    if (path_.size() == folder_.size()) fail(path_.empty() ? ENOENT : EISDIR);
  }

  void write(Pieces pieces) const {
    if (!write_nameless(pieces)) write_named(pieces);
    if (const Descriptor folder(folder_or_here(), O_RDONLY | O_DIRECTORY); folder)
      fsync(folder.number());  // the new name; a system that cannot is none of the caller's business
  }

 private:
  std::string folder_or_here() const { return folder_.empty() ? "." : folder_; }
  std::string beside(const char* what) const { return text(folder_, ".", path_.substr(folder_.size()), what); }

  /// All but the name: the elements, and the permissions and owner of the file before.
  void fill(const Descriptor& file, Pieces pieces) const {
    file.write(pieces);
    if (before_) {
      [[maybe_unused]] const int given =
          fchown(file.number(), before_->st_uid, before_->st_gid);  // root may, others not
      check(fchmod(file.number(), before_->st_mode & 07777) == 0);
    }
    file.sync();
  }

  /// The file has no name until it is complete, so that one who is killed leaves nothing. As no call gives a file the
  /// name of another, it takes a second name for a moment. Who finds a file there, left by a kill in this moment or
  /// about to be renamed by another, does the last step for it. False where the system has no such files.
  bool write_nameless(Pieces pieces) const {
    const Descriptor file(folder_or_here(), O_WRONLY | O_TMPFILE);
    if (!file && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) return false;
    check(static_cast<bool>(file));
    fill(file, pieces);
    const std::string complete = beside(".ravine-new"), self = text("/proc/self/fd/", file.number());
    while (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, complete.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      if (errno != EEXIST) return false;
      rename_from(complete);
    }
    rename_from(complete);
    return true;
  }

  /// The file is written under a name of its own and locked. One that is there is another's, who is waited for, or was
  /// left by one who was killed, whose lock has gone with him.
  void write_named(Pieces pieces) const {
    const std::string part = beside(".ravine-part");
    for (;;) {
      Descriptor file(part, O_WRONLY | O_CREAT | O_EXCL);
      if (!file) {
        check(errno == EEXIST);
        const Descriptor others(part, O_RDONLY);
        check(static_cast<bool>(others) || errno == ENOENT);
        if (others && lock(others, part)) check(unlink(part.c_str()) == 0);
      } else if (lock(file, part)) {
        try {
          fill(file, pieces);
          if (rename_from(part)) return;
        } catch (...) {
          unlink(part.c_str());
          throw;
        }
      }
    }
  }

  /// Waits until nobody else has the file, where there are locks; false if its name is another file's by then.
  static bool lock(const Descriptor& file, const std::string& name) {
    while (flock(file.number(), LOCK_EX) != 0 && errno == EINTR) {
    }
    struct stat open, named;
    return fstat(file.number(), &open) == 0 && stat(name.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
           open.st_dev == named.st_dev;
  }

  /// Gives the file its name; false if it is not there any more.
  bool rename_from(const std::string& name) const {
    if (std::rename(name.c_str(), path_.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    const int reason = errno;
    unlink(name.c_str());
    fail(reason);
  }

  const std::string path_;
  const struct stat* const before_;
  const std::string folder_;  // up to its last slash
};

void write(const std::string& path, Pieces pieces) {
  struct stat before;
  const bool exists = stat(path.c_str(), &before) == 0;
  if (exists) check(faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0);
  if (!exists || S_ISREG(before.st_mode)) return Replacement(path, exists ? &before : nullptr).write(pieces);
  const Descriptor device(path, O_WRONLY);  // of a pipe what has been written cannot be taken back; no directory opens
  check(static_cast<bool>(device));
  device.write(pieces);
}

}  // namespace

void write_file(const char* op, const std::string& path, Pieces pieces) {
  try {
    write(path, pieces);
  } catch (const std::system_error& error) {
    throw FileError(text(op, ": cannot write ", path, ": ", error.code().message()));
  }
}

}  // namespace ravine::detail
