/// @file
/// Everything of optim: optimizers and their base classes.
#pragma once

#include <ravine/optim/adam.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/groups.hpp>
#include <ravine/optim/optimizer.hpp>
#include <ravine/optim/options.hpp>
#include <ravine/optim/sgd.hpp>
