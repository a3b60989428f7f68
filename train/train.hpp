/// @file
/// Everything of the train room: the training loop, what watches it, checkpoints, export.
#pragma once

#include <ravine/train/callback.hpp>
#include <ravine/train/checkpoint.hpp>
#include <ravine/train/find_lr.hpp>
#include <ravine/train/fit.hpp>
#include <ravine/train/fit_options.hpp>
#include <ravine/train/history.hpp>
#include <ravine/train/log.hpp>
#include <ravine/train/loss.hpp>
#include <ravine/train/nan_guard.hpp>
#include <ravine/train/onnx.hpp>
#include <ravine/train/progress.hpp>
#include <ravine/train/stop_signals.hpp>
#include <ravine/train/tensorboard.hpp>
