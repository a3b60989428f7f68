/// @file
/// The loss and the gradients of a batch that is computed on in shards; for the library's sources, not its public
/// headers.
#pragma once

#include <vector>

#include <ravine/dist/data_parallel.hpp>

namespace ravine::detail {

/// The mean loss of the whole batch, whose backward pass brings the gradients of all variables, on every rank. They
/// have been computed already.
///   variables  whatever the loss may be differentiated by
///   buffers    what an evaluation may move
///   mine       this rank's rows
Variable evaluate(dist::World& world, Index shards, const std::vector<Variable>& variables,
                  const nn::Module::NamedVariables& buffers, const data::Batch& mine, dist::DataParallel::Loss f);

}  // namespace ravine::detail
