// Badly scaled inputs bend the loss; standardized inputs or batch normalization straighten it: batch_norm_cure [TABLE
// [PICTURE]] A network of three hidden layers learns the fuel consumption of cars from columns as different as 4
// cylinders and 3000 pounds, by plain SGD. The largest curvature λ of its loss, at the start, allows rates up to about
// 2/λ.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::Variable;
using rv::data::TensorDataset;

namespace {

nn::Sequential plain(rv::Index columns) { return nn::mlp({columns, 64, 64, 64, 1}); }

// The same, with the inputs normalized as well.
nn::Sequential normalized(rv::Index columns) {
  return {nn::BatchNorm1d(columns), nn::mlp({columns, 64, 64, 64, 1}, {.batch_norm = true})};
}

Variable loss_of(nn::Module& net, const TensorDataset& data) {
  return nn::mse_loss(net(data.inputs()), data.targets());
}

// The largest eigenvalue of the Hessian in magnitude.
double largest_curvature(nn::Module& net, const TensorDataset& data) {
  const auto loss = [&] { return loss_of(net, data); };
  return std::abs(rv::optim::hessian_eigen(net.parameters(), loss, 1).values.item());
}

// The mean loss of each of 60 epochs; of fewer, if it is no number any more.
std::vector<double> train(nn::Module& net, const TensorDataset& data, double rate) {
  rv::optim::SGD sgd(net.parameters(), {.lr = rate});
  rv::data::DataLoader loader(data, {.batch_size = 32, .shuffle = true, .drop_last = true, .seed = 1});
  std::vector<double> losses;
  for (int epoch = 0; epoch < 60; ++epoch) {
    double sum = 0.0;
    for (const auto& batch : loader) sum += sgd.step([&] { return nn::mse_loss(net(batch.inputs), batch.targets); });
    losses.push_back(sum / static_cast<double>(loader.size()));
    if (!std::isfinite(sum)) break;
  }
  return losses;
}

// With the best of rates a factor of √10 apart.
void run(const char* name, nn::Sequential (*make)(rv::Index), const TensorDataset& data, rv::report::Plot& plot) {
  rv::manual_seed(1);
  nn::Sequential net = make(data.inputs().size(1));
  const double curvature = largest_curvature(net, data);
  double best_rate = 0.0;
  std::vector<double> best = {std::numeric_limits<double>::infinity()};
  for (double exponent = -7.0; exponent <= -1.0; exponent += 0.5) {
    nn::Sequential copy = nn::clone(net);
    const double rate = std::pow(10.0, exponent);
    const std::vector<double> losses = train(copy, data, rate);
    if (losses.back() < best.back()) best_rate = rate, best = losses;
  }
  std::printf("%-22s %16.2g %12.2g %12.2g %16.3f\n", name, curvature, 2.0 / curvature, best_rate, best.back());
  plot.line(rv::arange(60, rv::f64) + 1.0, rv::tensor(best, rv::f64), name);
}

}  // namespace

int main(int argc, char** argv) try {
  const rv::data::Table table = rv::data::read_csv(argc > 1 ? argv[1] : "examples/data/auto-mpg.csv");
  const TensorDataset cars = table.drop_column("name").drop_missing().one_hot("origin").to_dataset("mpg");
  const auto scaled = [](const rv::Tensor& x) { return rv::data::StandardScaler::fit(x).transform(x); };
  const TensorDataset raw(cars.inputs(), scaled(cars.targets())),
      standard(scaled(cars.inputs()), scaled(cars.targets()));

  rv::report::Plot plot({.title = "A network on cars by SGD, each at its best rate",
                         .x_label = "epoch",
                         .y_label = "loss",
                         .y_log = true,
                         .y_limits = {0.05, 5.0}});
  std::puts("                      largest curvature   2 / that    best rate   loss, 60 epochs");
  run("as they are", plain, raw, plot);
  run("standardized inputs", plain, standard, plot);
  run("batch normalization", normalized, raw, plot);
  std::puts("Guessing the mean has a loss of 1.");
  if (argc > 2) plot.save(argv[2]);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "batch_norm_cure: %s\n", e.what());
  return 1;
}
