/// @file
/// All of ravine but `<ravine/eigen.hpp>`, which needs Eigen.
///
/// @mainpage
/// Tensors and their ops are declared in core/, Variable and differentiation in autograd/, modules, layers and losses
/// in nn/, optimizers, schedules and landscapes in optim/, tables, readers and loaders in data/, pictures in report/,
/// the training loop and checkpoints in train/, comparisons of optimizers in compare/.
/// Every header is included as `<ravine/core/tensor.hpp>`; each of these folders has one for all of it, as
/// `<ravine/nn/nn.hpp>`.
#pragma once

#include <ravine/autograd/autograd.hpp>
#include <ravine/compare/compare.hpp>
#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>
#include <ravine/report/report.hpp>
#include <ravine/train/train.hpp>

/// Tensors and differentiation; layers, optimizers, data and pictures in the namespaces inside.
namespace ravine {}
