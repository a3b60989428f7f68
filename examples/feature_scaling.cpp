// Inputs of very different size make descent slow, scaled ones quick: feature_scaling [TABLE [PICTURE]]
// A plane y = b + w1 x1 + w2 x2 by gradient descent, then a network that learns the fuel consumption of cars by SGD:
// each with its features as they are and scaled, and with the best of many rates.
#include <ravine/ravine.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::data::StandardScaler;
using rv::data::TensorDataset;

namespace {

// The losses of a training, and the rate they came with.
struct Run {
  double rate;
  std::vector<double> losses;

  // The mean of the last ten.
  double end() const { return std::accumulate(losses.end() - 10, losses.end(), 0.0) / 10.0; }
};

// The run that ends lowest, of rates a factor of √10 apart. A loss that is no number is never the lowest.
template <class Train>
Run best(const Train& train) {
  Run best{0.0, std::vector(10, std::numeric_limits<double>::infinity())};
  for (double exponent = -7.0; exponent <= 0.5; exponent += 0.5) {
    Run run{std::pow(10.0, exponent), {}};
    run.losses = train(run.rate);
    if (run.end() < best.end()) best = run;
  }
  return best;
}

// Gradient descent on the mean squared error of a plane: the loss before each of 300 steps.
Run fit_plane(const TensorDataset& rows) {
  return best([&](double rate) {
    nn::Linear plane(2, 1);
    nn::init::zeros(plane.weight);
    nn::init::zeros(plane.bias);
    rv::optim::SGD sgd(plane.parameters(), {.lr = rate});
    std::vector<double> losses;
    while (sgd.steps() < 300)
      losses.push_back(sgd.step([&] { return nn::mse_loss(plane(rows.inputs()), rows.targets()); }));
    return losses;
  });
}

// Mini-batch SGD on a network: the root of its mean squared error after each of 60 epochs.
Run fit_network(const TensorDataset& cars) {
  return best([&](double rate) {
    rv::manual_seed(1);
    nn::Sequential network = nn::mlp({cars.inputs().size(1), 64, 1});
    rv::optim::SGD sgd(network.parameters(), {.lr = rate});
    rv::data::DataLoader loader(cars, {.batch_size = 32, .shuffle = true});
    std::vector<double> errors;
    for (int epoch = 0; epoch < 60; ++epoch) {
      for (const auto& [x, y] : loader) sgd.step([&, &x = x, &y = y] { return nn::mse_loss(network(x), y); });
      rv::NoGrad no_grad;
      errors.push_back(std::sqrt(nn::mse_loss(network(cars.inputs()), cars.targets()).item()));
    }
    return errors;
  });
}

void report(const char* what, const Run& raw, const Run& scaled) {
  std::printf("%s: from %.3g\n", what, std::max(raw.losses.front(), scaled.losses.front()));
  std::printf("  features as they are  to %8.3g   best rate %.2g\n", raw.end(), raw.rate);
  std::printf("  scaled                to %8.3g   best rate %.2g\n", scaled.end(), scaled.rate);
}

void add_curves(rv::report::Plot& plot, const Run& raw, const Run& scaled) {
  for (const auto& [run, label] : {std::pair(&raw, "as they are"), std::pair(&scaled, "scaled")}) {
    const auto count = static_cast<rv::Index>(run->losses.size());
    plot.line(rv::arange(count, rv::f64), rv::tensor(run->losses, rv::f64), label);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  rv::manual_seed(1);
  // x1 is around 1, x2 around 1000.
  const rv::Tensor x = rv::concat({rv::uniform({200, 1}, 0.0, 2.0), rv::uniform({200, 1}, 0.0, 2000.0)}, 1);
  const rv::Tensor w = rv::tensor({3.0, -0.004}, {2, 1});
  const TensorDataset plane(x, rv::matmul(x, w) + 5.0 + 0.1 * rv::randn({200, 1}));
  const TensorDataset scaled_plane(StandardScaler::fit(x).transform(x), plane.targets());
  const Run raw = fit_plane(plane), scaled = fit_plane(scaled_plane);
  report("y = b + w1 x1 + w2 x2, loss after 300 steps", raw, scaled);

  const rv::data::Table table = rv::data::read_csv(argc > 1 ? argv[1] : "examples/data/auto-mpg.csv");
  const TensorDataset rows = table.drop_column("name").drop_missing().one_hot("origin").to_dataset("mpg");
  const auto inputs = StandardScaler::fit(rows.inputs()), targets = StandardScaler::fit(rows.targets());
  const TensorDataset cars(rows.inputs(), targets.transform(rows.targets()));
  const TensorDataset scaled_cars(inputs.transform(rows.inputs()), cars.targets());
  const Run raw_net = fit_network(cars), scaled_net = fit_network(scaled_cars);
  report("a network on cars, error after 60 epochs where guessing the mean has 1", raw_net, scaled_net);

  if (argc < 3) return 0;
  rv::report::Plot left({.title = "A plane by gradient descent", .x_label = "step", .y_label = "loss", .y_log = true});
  rv::report::Plot right({.title = "A network on cars by SGD",
                          .x_label = "epoch",
                          .y_label = "RMSE, in standard deviations",
                          .y_limits = {0.0, 1.2}});
  add_curves(left, raw, scaled);
  add_curves(right, raw_net, scaled_net);
  rv::report::save_grid(argv[2], {left, right}, 2);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "feature_scaling: %s\n", e.what());
  return 1;
}
