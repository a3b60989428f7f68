/// @file
/// Models for other programs, as ONNX.
#pragma once

#include <string>

#include <ravine/core/tensor.hpp>
#include <ravine/nn/module.hpp>

namespace ravine::train {

/// Writes what the model computes in evaluation as an ONNX file, which onnxruntime and others run without ravine.
///
/// The model is a layer of this library or a Sequential of such, or of Sequentials. In the file it goes from "input" to
/// "output"; parameters and running statistics have the names and shapes of `state_dict()`. A prediction agrees with
/// ravine's but for rounding.
///   model    its training flag does not matter
///   example  an input, (N, …), whose values do not matter: the file takes any number of rows, of its other sizes and
///            type
///   throws   std::invalid_argument for a module that cannot be expressed, with its path and name, for an example
///            without rows, and for a model beyond the 2 GB that such a file may have; data::FileError if it cannot be
///            written; what the model throws for the example
///   source   ONNX, Open Neural Network Exchange (onnx.ai): IR version 8, operators of set 17
void export_onnx(const std::string& path, nn::Module& model, const Tensor& example);

}  // namespace ravine::train
