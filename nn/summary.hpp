/// @file
/// A table of a model's layers.
#pragma once

#include <string>

#include <ravine/nn/module.hpp>

namespace ravine::nn {

/// A line for each module: its path, itself, the shape of its result for an input of this shape, its own parameters;
/// then the total. A parameter that several modules share counts in the first. The shapes come from a forward pass on
/// zeros, in evaluation and without recording; the training flags are as before after it.
std::string summary(Module& model, const Shape& input);

}  // namespace ravine::nn
