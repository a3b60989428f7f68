/// @file
/// All of ravine. `<ravine/eigen.hpp>` alone is included on its own: it needs Eigen.
#pragma once

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>

/// Tensors, automatic differentiation, layers, optimizers and data.
namespace ravine {}
