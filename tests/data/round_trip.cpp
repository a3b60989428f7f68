// Reads the .npy, .npz and .safetensors files of a folder, and writes them to another:  round_trip FROM TO
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include <ravine/data/npy.hpp>
#include <ravine/data/safetensors.hpp>

namespace data = ravine::data;

static void copy(const std::filesystem::path& file, const std::string& to) {
  if (file.extension() == ".npy") data::write_npy(to, data::read_npy(file.string()));
  if (file.extension() == ".npz") data::write_npz(to, data::read_npz(file.string()));
  if (file.extension() != ".safetensors") return;
  data::Metadata texts;
  const auto tensors = data::load_safetensors(file.string(), texts);
  data::save_safetensors(to, tensors, texts);
}

int main(int argc, char** argv) try {
  if (argc != 3) throw std::runtime_error("usage: round_trip FROM TO");
  for (const auto& file : std::filesystem::directory_iterator(argv[1]))
    copy(file.path(), std::string(argv[2]) + "/" + file.path().filename().string());
} catch (const std::exception& error) {
  std::fprintf(stderr, "round_trip: %s\n", error.what());
  return 1;
}
