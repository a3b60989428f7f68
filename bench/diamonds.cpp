// A training from its file to its error, which bench/peers/diamonds.py sets beside others': diamonds_bench [TABLE]
// Five epochs of 26-64-64-1 with BatchNorm on the diamonds. A line of JSON has the seconds, the processor's.
#include <cmath>
#include <cstdio>
#include <ctime>

#include <ravine/ravine.hpp>

namespace rv = ravine;
namespace nn = rv::nn;

int main(int argc, char** argv) try {
  const auto seconds = [] { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; };

  rv::manual_seed(1);
  const auto diamonds = rv::data::read_csv(argc > 1 ? argv[1] : "examples/data/diamonds.csv.gz");
  const auto [train, test] = rv::data::split(diamonds, 0.8);
  const auto encoder = rv::data::TableEncoder::fit(train, {.target = "price"});
  const auto rows = encoder.dataset(train), unseen = encoder.dataset(test);
  const double read = seconds();

  auto net = nn::mlp({rows.inputs().size(1), 64, 64, 1}, {.batch_norm = true});
  rv::optim::Adam adam(net.parameters());
  rv::data::DataLoader loader(rows, {.batch_size = 32, .shuffle = true});
  rv::train::fit(net, adam, nn::mse_loss, loader, {.epochs = 5});

  net.eval();
  rv::NoGrad no_grad;
  const auto predicted = encoder.targets_in_units(net(unseen.inputs()).value());
  const auto error = rv::mean(rv::square(predicted - encoder.targets_in_units(unseen.targets())));
  std::printf("{\"read_s\": %.4f, \"seconds\": %.4f, \"rmse\": %.1f}\n", read, seconds(), std::sqrt(error.item()));
} catch (const std::exception& e) {
  std::fprintf(stderr, "diamonds_bench: %s\n", e.what());
  return 1;
}
