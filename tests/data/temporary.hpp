// Files that tests write and read, removed at the end of their scope.
#pragma once

#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <unistd.h>

class TemporaryFile {
 public:
  /// A file of this content; its name ends in `name`.
  explicit TemporaryFile(const std::string& name, const std::string& content = "") {
    static std::atomic<int> count{0};
    const auto unique = std::to_string(getpid()) + "-" + std::to_string(++count) + "-" + name;
    path_ = (std::filesystem::temp_directory_path() / ("ravine-" + unique)).string();
    write(content);
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  const std::string& path() const { return path_; }
  void write(const std::string& content) const {
    std::filesystem::remove(path_);  // ext4 waits for the disk whenever a file is cut to nothing and written again
    std::ofstream(path_, std::ios::binary) << content;
  }
  std::string read() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};
