// Times steps of one training on however many ranks it is started: distributed NET BATCH STEPS [SHARDS...]
// The numbers of shards take turns; 0 is the plain loop, which knows nothing of shards, alone only; -8 are 8 whose
// gradients are exchanged all at once after the backward pass, without thread, hooks and turns. Without any: the hash
// of the net after so many steps with 8, the same on any number of ranks and threads. On several ranks the bytes that
// one has others get in a step, at the most, stand beside 2 (1 - 1/n) 4 for each parameter.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <ravine/bench/arguments.hpp>
#include <ravine/dist/dist.hpp>
#include <ravine/dist/evaluation.hpp>
#include <ravine/dist/messages.hpp>
#include <ravine/ravine.hpp>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;

static nn::Sequential make_net(const std::string& name) {
  if (name == "reg") return nn::mlp({8, 64, 64, 1}, {.batch_norm = true});
  if (name == "dropout") return nn::mlp({64, 256, 256, 8}, {.dropout = 0.3});
  if (name == "mnistbn") return nn::mlp({784, 512, 512, 10}, {.batch_norm = true});
  if (name == "mnist") return nn::mlp({784, 512, 512, 10});
  if (name == "deep") return nn::mlp({784, 512, 512, 512, 512, 512, 512, 512, 512, 10});
  if (name == "large") return nn::mlp({1024, 4096, 4096, 1024});
  throw std::invalid_argument("distributed: no net " + name + "; there are reg, dropout, mnist, mnistbn, deep, large");
}

static const rv::Index usual_bucket = rv::detail::least_bucket;

struct Run {
  rv::dist::World& world;
  rv::Index shards;
  nn::Sequential net;
  rv::optim::Adam adam;
  rv::dist::DataParallel parallel;
  rv::data::Batch batch;
  std::vector<double> times;
  std::int64_t sent = 0;

  Run(rv::dist::World& world, const std::string& name, rv::Index rows, rv::Index shards)
      : world(world),
        shards(shards),
        net((rv::manual_seed(1), make_net(name))),
        adam(net.parameters()),
        parallel(world, net, {.shards = std::max<rv::Index>(1, std::abs(shards)), .check_every = 1'000'000}) {
    const rv::Index in = net.parameters().front().size(1), out = net.parameters().back().size(0);
    const rv::data::TensorDataset data(rv::randn({rows, in}), rv::randn({rows, out}));
    auto loader = parallel.loader(data, {.batch_size = rows});
    batch = *loader.begin();
  }

  void step() {
    const std::int64_t before = bytes_sent();
    rv::detail::least_bucket = shards > 0 ? usual_bucket : rv::Index{1} << 40;
    const auto begin = std::chrono::steady_clock::now();
    const auto loss = [&](const rv::Tensor& x, const rv::Tensor& y) { return nn::mse_loss(net(x), y); };
    if (shards == 0)
      adam.step([&] { return loss(batch.inputs, batch.targets); });
    else
      parallel.step(adam, batch, loss);
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    sent += bytes_sent() - before;
  }

  std::int64_t bytes_sent() const { return world.messages().sent() + world.other_messages().sent(); }

  // Of a step, at the most over the ranks.
  double bytes() const {
    std::vector<std::int64_t> all(static_cast<std::size_t>(world.size()));
    world.messages().all_gather(&sent, all.data(), std::vector<int>(all.size(), 2));
    return static_cast<double>(*std::max_element(all.begin(), all.end())) / static_cast<double>(times.size());
  }
};

int main(int argc, char** argv) try {
  rv::dist::World world(argc, argv);
  if (argc < 4) throw std::invalid_argument("usage: distributed NET BATCH STEPS [SHARDS...]");
  const std::string net = argv[1];
  const rv::Index rows = bench::argument<rv::Index>(argc, argv, 2, 0);
  const int steps = bench::argument(argc, argv, 3, 0);
  if (argc == 4) {
    Run run(world, net, rows, 8);
    for (int i = 0; i < steps; ++i) run.step();
    if (world.rank() == 0) std::printf("%016llx\n", static_cast<unsigned long long>(rv::dist::hash(run.net)));
    return 0;
  }
  std::deque<Run> runs;
  for (int k = 4; k < argc; ++k) runs.emplace_back(world, net, rows, bench::argument<rv::Index>(argc, argv, k, 0));
  for (Run& run : runs)
    for (int i = 0; i < 3; ++i) run.step();
  for (int i = 0; i < steps; ++i)
    for (Run& run : runs) run.step();
  for (Run& run : runs) {
    const double bytes = run.bytes();
    if (world.rank() != 0) continue;
    std::sort(run.times.begin(), run.times.end());
    std::printf("%s, %ld rows, %d ranks, %ld shards: least %.1f us, median %.1f us\n", net.c_str(),
                static_cast<long>(rows), world.size(), static_cast<long>(run.shards), 1e6 * run.times[0],
                1e6 * run.times[run.times.size() / 2]);
    rv::Index parameters = 0;
    for (const rv::Variable& p : run.net.parameters()) parameters += p.numel();
    const double optimum = 8.0 * static_cast<double>(parameters) * (world.size() - 1) / world.size();
    if (world.size() > 1) std::printf("  sends %.0f bytes, %.3f of %.0f\n", bytes, bytes / optimum, optimum);
  }
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "distributed: %s\n", e.what());
  return 1;
}
