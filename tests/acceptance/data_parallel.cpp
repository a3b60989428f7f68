// The same program on one process or many: mpirun -n N data_parallel. Prints one line from rank 0: a hash of the
// parameters and buffers, which is the same for every N and every number of threads.
#include <ravine/dist/dist.hpp>
#include <ravine/ravine.hpp>

#include <cstdio>

namespace rv = ravine;

int main(int argc, char** argv) {
  rv::dist::World world(argc, argv);  // this process's place among the others; alone without mpirun
  rv::manual_seed(7);
  const rv::data::TensorDataset data = rv::data::friedman1(2000);

  rv::nn::Sequential net{rv::nn::Linear(10, 64), rv::nn::BatchNorm1d(64), rv::nn::ReLU(), rv::nn::Dropout(0.2),
                         rv::nn::Linear(64, 1)};
  rv::optim::Adam adam(net.parameters(), {.lr = 1e-2});
  rv::dist::DataParallel parallel(world, net, {.shards = 8});  // the result depends on the shards, not on the ranks
  auto loader = parallel.loader(
      data, {.batch_size = 96,
             .shuffle = true});  // of all ranks together; each reads its rows only; the last batch is ragged

  long rows = 0;  // that this rank computed on
  double loss = 0.0;
  while (adam.steps() < 100)
    for (const auto& batch : loader) {
      loss = parallel.step(adam, batch, [&](const rv::Tensor& x, const rv::Tensor& y) {
        rows += x.size(0);  // called for a shard
        return rv::nn::mse_loss(net(x), y);
      });  // returns the whole batch's mean, on every rank
      if (adam.steps() == 100) break;
    }

  const long shards = (8 + world.size() - 1) / world.size();  // that a rank has at most
  if (rows > 9536 * shards / 8 + 100 * shards) {
    std::fprintf(stderr, "rank %d computed on %ld rows: more than its share\n", world.rank(), rows);
    return 1;
  }
  if (world.rank() == 0) std::printf("%016llx %.17g\n", static_cast<unsigned long long>(rv::dist::hash(net)), loss);
}
