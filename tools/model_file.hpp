/// @file
/// Models in files: a net that can be built from the file alone, with the encoder of its tables;
/// for the library's sources, not its public headers.
#pragma once

#include <string>

#include <ravine/data/encoder.hpp>
#include <ravine/nn/sequential.hpp>

namespace ravine::tools {

struct Model {
  nn::Sequential net;
  data::TableEncoder encoder;
  std::string results;  // what the training said of it
};

/// A checkpoint of net, encoder and two texts, the net's layers and the results: in a program,
/// `load_checkpoint(path, net, encoder, texts)`.
void save_model(const std::string& path, const Model& model);
/// The net is in evaluation. Throws data::FileError; data::FormatError if it is damaged or no such file.
Model load_model(const std::string& path);

/// True if a safetensors file has a net's layers among its tensors. Throws as `data::load_safetensors`.
bool is_model(const std::string& path);

/// What a net gives in evaluation, without gradients, in batches.
Tensor outputs_of(nn::Sequential net, const Tensor& inputs);

}  // namespace ravine::tools
