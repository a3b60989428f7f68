/// @file
/// Everything of the train room: checkpoints.
#pragma once

#include <ravine/train/checkpoint.hpp>
