#include <ravine/data/input_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

#include <ravine/core/mapped_file.hpp>
#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>

namespace ravine::detail {
namespace {

// A file's bytes where they are; nothing if that cannot be, as of a pipe.
Tensor map(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  Tensor bytes;
  if (descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0) try {
      bytes = MappedFile(descriptor, static_cast<std::size_t>(status.st_size)).tensor(0, {status.st_size}, u8);
    } catch (const std::system_error&) {  // it can still be read
    }
  if (descriptor >= 0) close(descriptor);
  return bytes;
}

}  // namespace

InputFile::InputFile(const std::string& path) : path_(path) {
  errno = 0;
  file_ = gzopen(path.c_str(), "rb");
  if (!file_) throw data::FileError(text("cannot open ", path, ": ", std::generic_category().message(errno)));
  gzbuffer(file_, 1 << 17);
}

InputFile::~InputFile() { gzclose_r(file_); }

std::string InputFile::read(std::size_t count) {
  std::string bytes;
  while (bytes.size() < count) {
    const std::size_t have = bytes.size();
    bytes.resize(std::min(count, std::max(2 * have, std::size_t{1} << 16)));
    const std::size_t got = read_into(bytes.data() + have, bytes.size() - have);
    if (have + got == bytes.size()) continue;
    bytes.resize(have + got);
    break;
  }
  return bytes;
}

FileBytes InputFile::read_all() {
  FileBytes bytes;
  bytes.mapped = map(path_);
  if (bytes.view().starts_with("\x1f\x8b")) bytes.mapped = {};  // gzip
  if (!bytes.mapped.defined()) bytes.read = read(std::numeric_limits<std::size_t>::max() / 4);
  return bytes;
}

// Fills as much of [to, to + count) as the file has.
std::size_t InputFile::read_into(char* to, std::size_t count) {
  std::size_t done = 0;
  while (done < count) {
    const auto piece = static_cast<unsigned>(std::min(count - done, std::size_t{1} << 30));
    errno = 0;
    const int got = gzread(file_, to + done, piece);
    if (got <= 0) {
      check();
      break;
    }
    done += static_cast<std::size_t>(got);
  }
  return done;
}

// At the end of what could be read: was it the end of the file?
void InputFile::check() {
  const int system_error = errno;
  int state = Z_OK;
  gzerror(file_, &state);
  if (state == Z_ERRNO)
    throw data::FileError(text("cannot read ", path_, ": ", std::generic_category().message(system_error)));
  if (state == Z_BUF_ERROR) throw data::FormatError(text(path_, ": the gzip stream is cut off"));
  if (state == Z_MEM_ERROR) throw std::bad_alloc();
  if (state != Z_OK) throw data::FormatError(text(path_, ": the gzip stream is damaged"));
}

}  // namespace ravine::detail
