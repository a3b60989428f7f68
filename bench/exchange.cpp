// What it takes to add up numbers of all ranks in the order of the tree, beside MPI_Allreduce, whose order is free:
// mpirun -n N exchange [LARGEST [SECONDS [SHARDS]]]. Both take turns; the times are the least of the largest over the
// ranks. Beside them stand the bytes that a rank has others get, at the most, over 2 (1 - 1/n) 4 for each float.
#include <mpi.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include <ravine/bench/arguments.hpp>
#include <ravine/core/factories.hpp>
#include <ravine/core/random.hpp>
#include <ravine/dist/messages.hpp>
#include <ravine/dist/tree.hpp>

namespace rv = ravine;
using rv::detail::Cut;
using rv::detail::Subtree;

static double seconds(auto f) {
  MPI_Barrier(MPI_COMM_WORLD);
  const auto begin = std::chrono::steady_clock::now();
  f();
  double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), longest = 0.0;
  MPI_Allreduce(&time, &longest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return longest;
}

int main(int argc, char** argv) {
  rv::detail::Messages messages(argc, argv);
  const rv::Index largest = bench::argument<rv::Index>(argc, argv, 1, 10'000'000);
  const double budget = bench::argument(argc, argv, 2, 2.0);
  const int ranks = messages.size();
  rv::Index shards = bench::argument<rv::Index>(argc, argv, 3, 1);
  while (shards < ranks) shards *= 2;
  const Cut cut{shards, shards, ranks};  // a row in each
  if (messages.rank() == 0)
    std::printf("%d ranks, %ld shards\n%10s %12s %12s %8s %8s\n", ranks, static_cast<long>(shards), "floats",
                "tree, us", "MPI, us", "ratio", "sent");
  for (rv::Index count = 1000; count <= largest; count *= 10) {
    rv::manual_seed(static_cast<std::uint64_t>(messages.rank()));
    const rv::Tensor x = rv::randn({count});
    double tree = std::numeric_limits<double>::infinity(), mpi = tree, spent = 0.0;
    const std::int64_t before = messages.sent();
    long rounds = 0;
    for (; rounds < 10 || spent < budget; ++rounds) {
      std::vector<Subtree> nodes;
      for (rv::Index s = cut.shard(messages.rank()); s < cut.shard(messages.rank() + 1); ++s)
        push(nodes, {s, 1, {x.clone()}});
      tree = std::min(tree, seconds([&] { sum_over_ranks(messages, cut, nodes, count, rv::f32); }));
      rv::Tensor y = x.clone();
      mpi = std::min(mpi, seconds([&] {
                       MPI_Allreduce(MPI_IN_PLACE, y.raw<float>(), static_cast<int>(count), MPI_FLOAT, MPI_SUM,
                                     MPI_COMM_WORLD);
                     }));
      spent += std::max(tree + mpi, budget / 500.0);  // the same on all ranks
    }
    double sent = static_cast<double>(messages.sent() - before) / static_cast<double>(rounds), most = 0.0;
    MPI_Allreduce(&sent, &most, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    const double optimum = 8.0 * static_cast<double>(count) * (ranks - 1) / ranks;
    if (messages.rank() == 0)
      std::printf("%10ld %12.1f %12.1f %8.2f %8.2f\n", static_cast<long>(count), 1e6 * tree, 1e6 * mpi, tree / mpi,
                  most / optimum);
  }
}
