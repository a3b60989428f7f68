/// @file
/// The mean loss of a batch as one variable; for the library's sources, not its public headers.
#pragma once

#include <ravine/dist/evaluation.hpp>

namespace ravine::detail {

/// The mean loss of the whole batch, whose backward pass brings the gradients of all variables, on every rank. They
/// have been computed already; a recorded backward pass, as long as the task lives, gives gradients that can be
/// differentiated once more, which evaluates the loss again.
Variable mean_loss(const Task& task);

}  // namespace ravine::detail
