#include <algorithm>
#include <iomanip>
#include <iostream>

#include <ravine/data/error.hpp>
#include <ravine/data/safetensors.hpp>
#include <ravine/tools/commands.hpp>
#include <ravine/tools/model_file.hpp>

namespace ravine::tools {
namespace {

void print_model(const std::string& path) {
  const Model model = load_model(path);
  std::cout << "A model that `ravine predict` can use.\n\n"
            << model.net << "\n\n"
            << model.encoder.describe() << '\n'
            << model.results << '\n';
}

/// Left in the file if their types allow it.
StateDict tensors_in(const std::string& path) try {
  return data::map_safetensors(path);
} catch (const data::FormatError&) {
  return data::load_safetensors(path);
}

void print_tensors(const StateDict& tensors) {
  std::size_t width = 6, bytes = 0;
  for (const auto& [name, x] : tensors) {
    width = std::max(width, name.size());
    bytes += static_cast<std::size_t>(x.numel()) * size_of(x.dtype());
  }
  std::cout << std::left;
  for (const auto& [name, x] : tensors)
    std::cout << std::setw(static_cast<int>(width)) << name << "  " << x.dtype() << "  " << x.shape() << '\n';
  std::cout << tensors.size() << " tensors, " << bytes << " bytes\n";
}

}  // namespace

void info(const std::string& path) {
  const StateDict tensors = tensors_in(path);
  if (is_model(tensors)) print_model(path);
  for (const auto& [name, text] : data::safetensors_metadata(path)) std::cout << name << ": " << text << '\n';
  print_tensors(tensors);
}

}  // namespace ravine::tools
