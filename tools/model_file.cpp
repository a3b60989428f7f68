#include <ravine/tools/model_file.hpp>

#include <charconv>
#include <sstream>

#include <ravine/core/factories.hpp>
#include <ravine/core/manipulate.hpp>
#include <ravine/data/error.hpp>
#include <ravine/data/safetensors.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/train/checkpoint.hpp>

namespace ravine::tools {
namespace {

// Of the objects in the checkpoint: net, encoder, texts.
constexpr const char* layers_tensor = "2/layers";

/// Texts beside the tensors, as their bytes.
struct Texts {
  std::string layers, results;

  static Tensor bytes(const std::string& text) {
    return tensor(std::vector<std::uint8_t>(text.begin(), text.end()), u8);
  }
  static std::string text(const Tensor& bytes) {
    const auto characters = bytes.to_vector<std::uint8_t>();
    return {characters.begin(), characters.end()};
  }
  StateDict state_dict() const { return {{"layers", bytes(layers)}, {"results", bytes(results)}}; }
  void load_state_dict(const StateDict& state) {
    layers = text(state.at("layers"));
    results = text(state.at("results"));
  }
};

/// One line for each layer: "Linear(9, 64)".
std::string layers_of(const nn::Sequential& net) {
  std::string lines;
  for (Index i = 0; i < net.size(); ++i) lines += net[i].describe() + "\n";
  return lines;
}

/// "Linear(9, 64)" in parts.
struct Layer {
  std::string name;
  std::vector<Index> sizes;

  explicit Layer(const std::string& line) : name(line.substr(0, line.find('('))) {
    const char* at = line.data() + name.size() + 1;
    const char* const end = line.data() + line.size();
    for (Index size = 0; at < end; at += 2) {  // behind a number comes ", " or ")"
      const auto [next, error] = std::from_chars(at, end, size);
      if (error != std::errc{}) break;
      sizes.push_back(size);
      at = next;
    }
  }
  bool is(const char* kind, std::size_t count) const { return name == kind && sizes.size() == count; }
};

/// Adds the layer that a line describes, if the weights that the file has for it are as large as the line says.
bool add_layer(nn::Sequential& net, const std::string& line, const StateDict& file) {
  const Layer layer(line);
  const auto weight = file.find("0/" + std::to_string(net.size()) + ".weight");
  const auto has_weight = [&](const Shape& shape) { return weight != file.end() && weight->second.shape() == shape; };
  if (layer.is("ReLU", 0))
    net.push_back(nn::ReLU());
  else if (layer.is("Linear", 2) && has_weight({layer.sizes[1], layer.sizes[0]}))
    net.push_back(nn::Linear(layer.sizes[0], layer.sizes[1]));
  else if (layer.is("BatchNorm1d", 1) && has_weight({layer.sizes[0]}))
    net.push_back(nn::BatchNorm1d(layer.sizes[0]));
  else
    return false;
  return true;
}

nn::Sequential build_net(const std::string& path, const StateDict& file) {
  std::istringstream lines(Texts::text(file.at(layers_tensor)));
  nn::Sequential net;
  for (std::string line; std::getline(lines, line);)
    if (!add_layer(net, line, file))
      throw data::FormatError(path + ": the layer '" + line + "' is none that this ravine can build from the file");
  return net;
}

}  // namespace

bool is_model(const std::string& path) {
  const auto tensors = data::tensors_in_safetensors(path);
  const auto found = tensors.find(layers_tensor);
  return found != tensors.end() && found->second.type == "U8";
}

void save_model(const std::string& path, const Model& model) {
  train::save_checkpoint(path, model.net, model.encoder, Texts{layers_of(model.net), model.results});
}

Model load_model(const std::string& path) {
  if (!is_model(path))
    throw data::FormatError(path +
                            ": the file does not say what net it holds; `ravine train --save` writes one that does");
  Model model{build_net(path, data::map_safetensors(path)), {}, {}};
  Texts texts;
  train::load_checkpoint(path, model.net, model.encoder, texts);
  model.results = texts.results;
  model.net.eval();
  return model;
}

Tensor outputs_of(nn::Sequential net, const Tensor& inputs) {
  const NoGrad no_grad;
  const bool training = net.training();
  net.eval();
  std::vector<Tensor> predictions;
  for (const Tensor& batch : split(inputs, 4096)) predictions.push_back(net(batch).value());
  net.train(training);
  return concat(predictions, 0);
}

}  // namespace ravine::tools
