/// @file
/// Evaluations of a loss on a batch that is cut into shards; for the library's sources, not its public headers.
#pragma once

#include <vector>

#include <ravine/autograd/engine.hpp>
#include <ravine/dist/data_parallel.hpp>
#include <ravine/dist/exchanges.hpp>

namespace ravine::detail {

/// Gradients are exchanged in as many bytes at a time, at least, and a 32nd of it for each rank: there the latency of
/// messages costs little, and so does the change from one thread to another. Fewer are worth no thread. Tests and
/// measurements take others.
inline Index least_bucket = 1 << 21;

/// A batch whose loss is asked for.
struct Task {
  dist::World& world;
  const dist::DataParallelOptions& options;
  std::vector<Variable> variables;     // whatever the loss may be differentiated by
  nn::Module::NamedVariables buffers;  // what an evaluation may move
  const data::Batch& mine;             // this rank's rows
  dist::DataParallel::Loss f;
  Exchanges& exchanges;
};

/// Leaves in the variables' gradients what is to be added up of a shard's loss: its gradients, or others. If there is a
/// hook, it may tell of those to which nothing more comes; they are taken away then.
using Differentiate = FunctionRef<void(const Variable& loss, const LeafHook* complete)>;

/// The sums over all shards of what is left in gradients, undefined where none has any, and in the end of the losses;
/// on every rank. Buffers and the thread's random state have moved once. Throws what the loss throws, and on the other
/// ranks std::runtime_error.
std::vector<Tensor> sums(const Task& task, Differentiate differentiate);

}  // namespace ravine::detail
