// Learns the prices of diamonds on several processes at once: mpirun -n 4 data_parallel [TABLE [EPOCHS]], or alone.
// The same bits come out for any number of them.
#include <ravine/dist/dist.hpp>
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <string>

namespace rv = ravine;

int main(int argc, char** argv) try {
  rv::dist::World world(argc, argv);
  rv::manual_seed(1);  // the same on all, as is all that is not told otherwise
  const rv::data::Table diamonds = rv::data::read_csv(argc > 1 ? argv[1] : "examples/data/diamonds.csv.gz");
  const auto [train, test] = rv::data::split(diamonds, 0.8);
  const auto encoder = rv::data::TableEncoder::fit(train, {.target = "price"});
  const rv::data::TensorDataset rows = encoder.dataset(train), unseen = encoder.dataset(test);

  rv::nn::Sequential net = rv::nn::mlp({rows.inputs().size(1), 128, 128, 1}, {.batch_norm = true, .dropout = 0.05});
  rv::optim::AdamW adamw(net.parameters(), {.lr = 3e-3});
  rv::dist::DataParallel parallel(world, net);
  auto loader = parallel.loader(rows, {.batch_size = 256, .shuffle = true});
  const rv::Index epochs = argc > 2 ? std::stoi(argv[2]) : 5;
  const auto schedule = rv::optim::cosine({.total_steps = epochs * loader.size()});

  for (rv::Index epoch = 1; epoch <= epochs; ++epoch) {
    double sum = 0.0;
    for (const auto& batch : loader) {
      adamw.set_lr_factor(schedule(adamw.steps()));
      sum += parallel.step(adamw, batch, [&](const rv::Tensor& x, const rv::Tensor& y) {
        return rv::nn::mse_loss(net(x), y);  // of a part of the batch
      });
    }
    if (world.rank() == 0)
      std::printf("epoch %d: loss %.17g\n", static_cast<int>(epoch), sum / static_cast<double>(loader.size()));
  }

  if (world.rank() != 0) return 0;
  net.eval();
  const rv::NoGrad no_grad;
  const rv::Tensor wrong =
      encoder.targets_in_units(net(unseen.inputs()).value()) - encoder.targets_in_units(unseen.targets());
  std::printf("error on the test, RMSE: %.0f dollars\nhash of the net: %016llx\n",
              std::sqrt(rv::mean(rv::square(wrong)).item()), static_cast<unsigned long long>(rv::dist::hash(net)));
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "data_parallel: %s\n", e.what());
  return 1;
}
