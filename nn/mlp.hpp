/// @file
/// The multilayer perceptron, the net for tables.
#pragma once

#include <vector>

#include <ravine/nn/sequential.hpp>

namespace ravine::nn {

struct MlpOptions {
  bool batch_norm = false;  ///< BatchNorm1d behind each hidden Linear
  double dropout = 0.0;     ///< behind each ReLU with this probability, if > 0
};

/// Linear layers of these sizes with ReLU between them: `mlp({8, 64, 64, 1})` takes 8 numbers and has two hidden layers
/// of 64. Throws std::invalid_argument for fewer than two sizes, a negative one, and as Dropout.
Sequential mlp(const std::vector<Index>& sizes, const MlpOptions& options = {});

}  // namespace ravine::nn
