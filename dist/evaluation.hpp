/// @file
/// The loss and the gradients of a batch that is computed on in shards; for the library's sources, not its public
/// headers.
#pragma once

#include <vector>

#include <ravine/dist/data_parallel.hpp>

namespace ravine::detail {

/// A batch whose loss is asked for.
struct Task {
  dist::World& world;
  const dist::DataParallelOptions& options;
  std::vector<Variable> variables;     // whatever the loss may be differentiated by
  nn::Module::NamedVariables buffers;  // what an evaluation may move
  const data::Batch& mine;             // this rank's rows
  dist::DataParallel::Loss f;
};

/// The mean loss of the whole batch, whose backward pass brings the gradients of all variables, on every rank. They
/// have been computed already; a recorded backward pass, as long as the task lives, gives gradients that can be
/// differentiated once more, which evaluates the loss again.
Variable evaluate(const Task& task);

}  // namespace ravine::detail
