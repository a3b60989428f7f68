// SGD, AdaGrad, RMSProp and Adam on one regression, the fuel consumption of cars: four_optimizers TABLE [PICTURE]
// Each with the best of seven rates, chosen by the training loss of one seed, then with five other seeds.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace report = rv::report;
using rv::data::TensorDataset;

namespace {

constexpr int epochs = 40, seeds = 5;
const std::pair<const char*, const char*> methods[] = {
    {"SGD", "sgd"}, {"AdaGrad", "adagrad"}, {"RMSProp", "rmsprop"}, {"Adam", "adam"}};

struct Parts {
  TensorDataset training, test;  // standardized, so that guessing the mean has a loss of 1
};

Parts read(const char* file) {
  rv::manual_seed(1);
  const auto tables = rv::data::split(rv::data::read_csv(file), {0.8, 0.2});
  const auto encoder = rv::data::TableEncoder::fit(tables[0], {.target = "mpg", .drop = {"name"}});
  return {encoder.dataset(tables[0]), encoder.dataset(tables[1])};
}

double loss_on(nn::Module& net, const TensorDataset& rows) {
  const rv::NoGrad no_grad;
  return nn::mse_loss(net(rows.inputs()), rows.targets()).item();
}

struct Run {
  std::vector<double> losses;  // on all training rows, after each epoch
  double test;
};

Run train(const std::string& optimizer, double rate, const Parts& parts, std::uint64_t seed) {
  rv::manual_seed(seed);
  nn::Sequential net = nn::mlp({parts.training.inputs().size(1), 32, 32, 1});
  const auto o = rv::optim::make(optimizer + ":lr=" + std::to_string(rate), net.parameters());
  rv::data::DataLoader loader(parts.training, {.batch_size = 32, .shuffle = true, .seed = seed});
  Run run;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    for (const auto& batch : loader) o->step([&] { return nn::mse_loss(net(batch.inputs), batch.targets); });
    run.losses.push_back(loss_on(net, parts.training));
  }
  run.test = loss_on(net, parts.test);
  return run;
}

double best_rate(const std::string& optimizer, const Parts& parts) {
  double best = 0.0, lowest = INFINITY;
  for (const double rate : {1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1}) {
    const double loss = train(optimizer, rate, parts, 100).losses.back();
    if (loss < lowest) lowest = loss, best = rate;
  }
  return best;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw std::invalid_argument("usage: four_optimizers TABLE.csv [PICTURE]");
  const Parts parts = read(argv[1]);
  report::Plot curves({.title = "A network learns the fuel consumption of cars",
                       .x_label = "epoch",
                       .y_label = "training loss (1: guessing the mean)",
                       .y_log = true});
  std::vector<std::string> names;
  std::vector<double> medians;
  std::printf("medians of %d seeds after %d epochs (guessing the mean has a loss of 1)\n", seeds, epochs);
  std::puts("              rate   training loss   test loss: lowest, median, highest");
  for (const auto& [name, optimizer] : methods) {
    const double rate = best_rate(optimizer, parts);
    std::vector<rv::Tensor> runs;
    std::vector<double> tests;
    for (int seed = 1; seed <= seeds; ++seed) {
      const Run run = train(optimizer, rate, parts, static_cast<std::uint64_t>(seed));
      runs.push_back(rv::tensor(run.losses, rv::f64));
      tests.push_back(run.test);
    }
    const rv::Tensor all = rv::stack(runs, 0), last = rv::sort(all.slice(1, -1, epochs).reshape({seeds})).values,
                     test = rv::sort(rv::tensor(tests, rv::f64)).values;
    std::printf("%-10s %7g %15.4f %20.4f %7.4f %8.4f\n", name, rate, last.at({seeds / 2}), test.at({0}),
                test.at({seeds / 2}), test.at({-1}));
    char label[64];
    std::snprintf(label, sizeof label, "%s, α = %g", name, rate);
    curves.band(rv::arange(epochs, rv::f64) + 1.0, all, label);
    names.push_back(name);
    medians.push_back(test.at({seeds / 2}));
  }
  report::Plot ends(
      {.title = "Loss on other cars, median of five seeds", .y_label = "test loss", .y_limits = {0.0, 0.25}});
  ends.bars(names, rv::tensor(medians, rv::f64));
  if (argc > 2) report::save_grid(argv[2], {curves, ends}, 2);
} catch (const std::exception& e) {
  std::fprintf(stderr, "four_optimizers: %s\n", e.what());
  return 1;
}
