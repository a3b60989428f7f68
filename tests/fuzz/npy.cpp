// What is read can be written and read again; what is mapped is what is read.
#include <ravine/data/npy.hpp>

#include "fuzz.hpp"

using namespace ravine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return read_or_refuse(data, size, [](const std::string& path) {
    const Tensor array = data::read_npy(path);
    const Written again;
    data::write_npy(again.path, array);
    require_equal(data::read_npy(again.path), array);
    require_equal(data::map_npy(path), array);
  });
}
