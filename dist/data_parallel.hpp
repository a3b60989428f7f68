/// @file
/// One training on several processes.
#pragma once

#include <map>

#include <ravine/core/function_ref.hpp>
#include <ravine/data/loader.hpp>
#include <ravine/dist/world.hpp>
#include <ravine/nn/module.hpp>
#include <ravine/optim/optimizer.hpp>

/// Training on several processes.
namespace ravine::dist {

struct DataParallelOptions {
  Index shards = 8;             ///< parts of a batch, a power of two; results depend on it, and not on the ranks
  bool sync_batch_norm = true;  ///< batch normalization takes the moments of the whole batch, else those of each shard
  Index check_every = 100;      ///< steps between comparisons of all ranks' parameters, >= 1
};

/// Trains one model on all ranks of a World: each has a copy of it, and computes on its rows of every batch.
///
///     dist::World world(argc, argv);
///     …
///     dist::DataParallel parallel(world, net);
///     auto loader = parallel.loader(data, {.batch_size = 256, .shuffle = true});
///     for (const auto& batch : loader)
///       double loss = parallel.step(adam, batch, [&](const Tensor& x, const Tensor& y) { return mse_loss(net(x), y);
///       });
///
/// A batch is cut by rows into shards. The loss and the gradients of each are computed alone, and added up in one
/// binary tree over the shards, whoever has computed them. So parameters have the same bits on any number of ranks and
/// threads, and in a program without MPI, if the number of shards is the same. With one shard, they are those of a loop
/// without any of this. More ranks than shards leave some without work.
///
/// On a shard, what comes from the default generator is what the whole batch would draw for its rows; batch
/// normalization takes its moments of the whole batch; what an evaluation moves along, as running statistics, is what
/// it makes of the first shard. A checkpoint that rank 0 writes is that of all ranks, of any number of them.
///
/// Shards of a rank take turns in the midst of their backward passes, where gradients are exchanged meanwhile, and in
/// batch normalization. So f is called for several before the first one is over: what a layer of your own keeps from
/// its forward pass for its pullback belongs into the pullback, not into the layer; and what all shards of a rank keep
/// is in memory at once, as if its rows were one batch. A pullback may not call backward() on parameters of the net.
class DataParallel {
 public:
  /// The mean loss of some rows.
  using Loss = FunctionRef<Variable(const Tensor& inputs, const Tensor& targets)>;

  /// Throws std::invalid_argument for an option out of its range, std::runtime_error that names the ranks that have
  /// other options, parameters, buffers or random numbers than the rest.
  DataParallel(World& world, const nn::Module& net, const DataParallelOptions& options = {});

  /// A loader whose batches are those of all ranks, of which this one makes its own rows only. Throws as
  /// data::DataLoader; std::runtime_error that names the ranks whose dataset or options are not those of the rest.
  data::DataLoader loader(const data::Dataset& dataset, data::DataLoaderOptions options = {});

  /// A step of the optimizer for the mean loss of a batch, which it returns, on every rank.
  ///   batch  this rank's rows of it, as `loader` makes them
  ///   f      is called for each of its shards that has rows, as often as the optimizer evaluates the loss. It may not
  ///          call MPI itself, unless the program has started MPI, with MPI_THREAD_MULTIPLE, nor freeze or thaw
  ///          parameters
  /// Throws as Optimizer::step and what f throws; on the other ranks std::runtime_error, as if one has drifted away
  /// from the rest, or all have the same rows, of a loader of their own. Without memory for the exchange of gradients,
  /// for which the others wait, the program ends.
  double step(optim::Optimizer& optimizer, const data::Batch& batch, Loss f);

 private:
  void compare(const optim::Optimizer& optimizer, const data::Batch& batch);

  World& world_;
  const nn::Module::NamedVariables parameters_, buffers_;
  const DataParallelOptions options_;
  bool has_loader_ = false;
  std::map<const optim::Optimizer*, Index> next_steps_;  // unless somebody loads another one
};

}  // namespace ravine::dist
