/// @file
/// Everything of nn: modules, layers, losses, metrics, initial values.
#pragma once

#include <ravine/nn/activation.hpp>
#include <ravine/nn/dropout.hpp>
#include <ravine/nn/embedding.hpp>
#include <ravine/nn/init.hpp>
#include <ravine/nn/linear.hpp>
#include <ravine/nn/loss.hpp>
#include <ravine/nn/metrics.hpp>
#include <ravine/nn/mlp.hpp>
#include <ravine/nn/mode.hpp>
#include <ravine/nn/module.hpp>
#include <ravine/nn/normalization.hpp>
#include <ravine/nn/sequential.hpp>
#include <ravine/nn/summary.hpp>

/// Layers and losses.
namespace ravine::nn {}
