#include <algorithm>
#include <cctype>
#include <iomanip>
#include <iostream>

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

// As a Shape is printed; but a tensor in a file may have more dimensions.
std::string shape_of(const data::StoredTensor& x) {
  std::string sizes;
  for (const Index size : x.shape) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  return '(' + sizes + ')';
}

void print_tensors(const std::map<std::string, data::StoredTensor>& tensors) {
  std::size_t width = 6;
  std::uint64_t bytes = 0;
  for (const auto& [name, x] : tensors) {
    width = std::max(width, name.size());
    bytes += x.bytes;
  }
  std::cout << std::left;
  for (auto [name, x] : tensors) {
    for (char& c : x.type) c = static_cast<char>(std::tolower(c));
    std::cout << std::setw(static_cast<int>(width)) << name << "  " << x.type << "  " << shape_of(x) << '\n';
  }
  std::cout << tensors.size() << " tensors, " << bytes << " bytes\n";
}

}  // namespace

void info(const std::string& path) {
  if (is_model(path)) print_model(path);
  for (const auto& [name, text] : data::safetensors_metadata(path)) std::cout << name << ": " << text << '\n';
  print_tensors(data::tensors_in_safetensors(path));
}

}  // namespace ravine::tools
