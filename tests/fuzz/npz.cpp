// What is read can be written and read again.
#include <ravine/data/npy.hpp>

#include "fuzz.hpp"

using namespace ravine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return read_or_refuse(data, size, [](const std::string& path) {
    const StateDict arrays = data::read_npz(path);
    if (arrays.contains("")) return;
    const Written again;
    data::write_npz(again.path, arrays);
    require_equal(data::read_npz(again.path), arrays);
  });
}
