/// @file
/// Everything of optim: optimizers, also from text, and what goes with them: schedules, clipping, averages, landscapes,
/// loss surfaces.
#pragma once

#include <ravine/optim/clip.hpp>
#include <ravine/optim/elementwise.hpp>
#include <ravine/optim/ema.hpp>
#include <ravine/optim/groups.hpp>
#include <ravine/optim/lanczos.hpp>
#include <ravine/optim/landscapes.hpp>
#include <ravine/optim/loss_surface.hpp>
#include <ravine/optim/make.hpp>
#include <ravine/optim/optimizer.hpp>
#include <ravine/optim/options.hpp>
#include <ravine/optim/others.hpp>
#include <ravine/optim/rules.hpp>
#include <ravine/optim/schedule.hpp>
#include <ravine/optim/taylor.hpp>
