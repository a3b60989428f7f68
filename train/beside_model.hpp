/// @file
/// Parameters that are not the model's; for the library's sources, not its public headers.
#pragma once

#include <cstddef>
#include <vector>

#include <ravine/data/loader.hpp>
#include <ravine/nn/module.hpp>
#include <ravine/optim/optimizer.hpp>

#pragma GCC visibility push(hidden)
namespace ravine::detail {

/// The places of the optimizer's parameters that the model has not, as those of a loss.
std::vector<std::size_t> beside_model(const nn::Module& model, const optim::Optimizer& optimizer);

/// Throws std::invalid_argument that names `op` if these are all, and the model has one that learns: it would stay as
/// it is; and for a loader that leaves some of a batch to others.
void check_trains_model(const char* op, const nn::Module& model, const optim::Optimizer& optimizer,
                        const data::DataLoader& loader);

}  // namespace ravine::detail
#pragma GCC visibility pop
