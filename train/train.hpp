/// @file
/// Everything of the train room: the training loop and checkpoints.
#pragma once

#include <ravine/train/callback.hpp>
#include <ravine/train/checkpoint.hpp>
#include <ravine/train/fit.hpp>
#include <ravine/train/history.hpp>
#include <ravine/train/loss.hpp>
