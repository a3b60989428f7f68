// A tensor, or an error.
#include <ravine/data/idx.hpp>

#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return read_or_refuse(data, size, [](const std::string& path) { ravine::data::read_idx(path); });
}
