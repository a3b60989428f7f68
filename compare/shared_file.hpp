/// @file
/// A file that several processes write to at once; for the library's sources, not its public headers.
#pragma once

#include <cstdint>
#include <string>

#pragma GCC visibility push(hidden)
namespace ravine::compare {

/// An open file with locks, each a number. Whoever has one loses it when he ends, however that comes about; it is there
/// for all processes, and on all machines that see the file, if their file system has locks. Everything throws
/// FileError with the path and the system's reason.
class SharedFile {
 public:
  enum Lock { shared, alone };

  /// Makes it, if it is not there.
  explicit SharedFile(const std::string& path);
  ~SharedFile();
  SharedFile(const SharedFile&) = delete;
  SharedFile& operator=(const SharedFile&) = delete;

  /// Waits until nobody else has the lock, or all share it.
  void lock(std::uint64_t number, Lock how);
  /// Has it alone, if nobody else has it.
  bool try_lock(std::uint64_t number);
  void unlock(std::uint64_t number);

  /// Whether there is no such file any more, or another one.
  bool removed() const;
  /// All that stands there from a byte on.
  std::string read(std::uint64_t begin) const;
  /// Writes from that byte on, behind which nothing else is left.
  void write(std::uint64_t begin, const std::string& bytes);

 private:
  int set(std::uint64_t number, int how, int command);
  void check(bool done) const;

  std::string path_;
  int file_;
};

/// Whether somebody has the lock, alone or with others.
bool is_locked(const std::string& path, std::uint64_t number);

}  // namespace ravine::compare
#pragma GCC visibility pop
