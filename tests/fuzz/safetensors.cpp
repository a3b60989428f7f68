// What is read can be written and read again, texts included; what is mapped is what is read.
#include <ravine/data/safetensors.hpp>

#include "fuzz.hpp"

using namespace ravine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return read_or_refuse(data, size, [size](const std::string& path) {
    std::uint64_t listed = 0;
    for (const auto& [name, x] : data::tensors_in_safetensors(path)) listed += x.bytes;
    require(listed <= size);
    data::Metadata texts, texts_again;
    const StateDict tensors = data::load_safetensors(path, texts);
    const Written again;
    data::save_safetensors(again.path, tensors, texts);
    require_equal(data::load_safetensors(again.path, texts_again), tensors);
    require(texts == texts_again);
    require_equal(data::map_safetensors(path), tensors);
  });
}
