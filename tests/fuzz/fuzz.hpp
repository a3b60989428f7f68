// What all fuzzers do: a file in memory for each input, and no exception but the readers' own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <sys/mman.h>
#include <unistd.h>

#include <ravine/core/state_dict.hpp>
#include <ravine/data/error.hpp>

inline void require(bool holds) {
  if (!holds) throw std::logic_error("a fuzzer's check failed");
}
inline void require_equal(const ravine::Tensor& a, const ravine::Tensor& b) { require(bitwise_equal(a, b)); }
inline void require_equal(const ravine::StateDict& a, const ravine::StateDict& b) {
  require(a.size() == b.size());
  for (const auto& [name, tensor] : a) require_equal(tensor, b.at(name));
}

/// A file that lies in memory and has a path all the same.
class MemoryFile {
 public:
  const std::string& path() const { return path_; }
  void write(const std::uint8_t* data, std::size_t size) {
    require(ftruncate(descriptor_, 0) == 0);
    require(pwrite(descriptor_, data, size, 0) == static_cast<ssize_t>(size));
  }

 private:
  int descriptor_ = memfd_create("fuzz", MFD_CLOEXEC);
  std::string path_ = "/proc/self/fd/" + std::to_string(descriptor_);
};

/// A place for what writers write beside it and rename.
class Written {
 public:
  ~Written() { unlink(path.c_str()); }
  const std::string path = "/dev/shm/ravine-fuzz-" + std::to_string(getpid());
};

/// Calls use(path of a file of these bytes); anything but the readers' own errors ends the fuzzer.
template <class Use>
int read_or_refuse(const std::uint8_t* data, std::size_t size, const Use& use) {
  static MemoryFile& file = *new MemoryFile;
  file.write(data, size);
  try {
    use(file.path());
  } catch (const ravine::data::FormatError&) {
  } catch (const ravine::data::FileError&) {
  }
  return 0;
}
