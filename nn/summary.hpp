/// @file
/// A table of a model's layers.
#pragma once

#include <optional>
#include <string>

#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// A line for each module: its path, itself, the shape of its result for an input of this shape, its own parameters;
/// then the total. A parameter that several modules share counts in the first. The shapes come from a forward pass on
/// zeros, in evaluation and without recording; the training flags are as before after it. The zeros have the
/// parameters' type unless one is given: `summary(model, {1, 20}, i64)` where an Embedding comes first.
std::string summary(Module& model, const Shape& input, std::optional<DType> dtype = {});

}  // namespace ravine::nn
