#include <ravine/data/input_file.hpp>

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <system_error>

#include <ravine/core/text.hpp>
#include <ravine/data/error.hpp>

namespace ravine::detail {

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

std::string InputFile::read_all() { return read(std::numeric_limits<std::size_t>::max() / 4); }

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
