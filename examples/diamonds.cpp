// Predicts the prices of diamonds from weight, sizes, cut, colour and clarity: diamonds [TABLE [SEED [PICTURE]]]
// Beside the network stands a linear model of the same columns.
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <string>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::data::TensorDataset;

namespace {

rv::Tensor predict(nn::Module& model, const rv::Tensor& inputs, const rv::data::TableEncoder& encoder) {
  rv::NoGrad no_grad;
  return encoder.targets_in_units(model(inputs).value());
}

// The root of the mean squared error, in dollars.
double error(const rv::Tensor& predicted, const rv::Tensor& prices) {
  return std::sqrt(rv::mean(rv::square(predicted - prices)).item());
}

void draw(const std::string& path, const rv::train::History& history, double linear, double unit,
          const rv::Tensor& prices, const rv::Tensor& predicted) {
  const rv::Tensor epochs = history.column("epoch"), line = rv::full_like(epochs, linear);
  rv::report::Plot errors(
      {.title = "Error by epoch", .x_label = "epoch", .y_label = "RMSE in dollars", .y_limits = {0.0, 1400.0}});
  errors.line(epochs, line, "linear model, test");
  errors.line(epochs, unit * rv::sqrt(history.column("val_loss")), "network, test");
  errors.line(epochs, unit * rv::sqrt(history.column("loss")), "network, training");
  rv::report::Plot each({.title = "1000 diamonds of the test", .x_label = "price", .y_label = "prediction"});
  each.points(prices.slice(0, 0, 1000).reshape({1000}), predicted.slice(0, 0, 1000).reshape({1000}));
  const rv::Tensor ends = rv::tensor({0.0, 19000.0});
  each.line(ends, ends, "as it should be");
  rv::report::save_grid(path, {errors, each}, 2);
}

}  // namespace

int main(int argc, char** argv) try {
  rv::manual_seed(argc > 2 ? std::stoull(argv[2]) : 1);
  const rv::data::Table diamonds = rv::data::read_csv(argc > 1 ? argv[1] : "examples/data/diamonds.csv.gz");
  const auto [train, test] = rv::data::split(diamonds, 0.8);
  const auto encoder = rv::data::TableEncoder::fit(train, {.target = "price"});
  const TensorDataset rows = encoder.dataset(train), unseen = encoder.dataset(test);
  const rv::Tensor prices = encoder.targets_in_units(unseen.targets());
  std::printf("%d diamonds to learn from, %d for the test; their %d columns become %d\n", static_cast<int>(rows.size()),
              static_cast<int>(unseen.size()), static_cast<int>(diamonds.columns() - 1),
              static_cast<int>(rows.inputs().size(1)));

  nn::Linear linear(rows.inputs().size(1), 1);
  rv::optim::LBFGS lbfgs(linear.parameters(), {.max_iterations = 200});
  lbfgs.step([&] { return nn::mse_loss(linear(rows.inputs()), rows.targets()); });

  nn::Sequential network = nn::mlp({rows.inputs().size(1), 128, 128, 1});
  rv::optim::AdamW adamw(network.parameters(), {.lr = 3e-3});
  rv::data::DataLoader loader(rows, {.batch_size = 256, .shuffle = true}), validation(unseen, {.batch_size = 4096});
  const rv::Index epochs = 20;
  rv::train::Progress progress(stderr);
  const auto history = rv::train::fit(network, adamw, nn::mse_loss, loader,
                                      {.epochs = epochs,
                                       .validation = &validation,
                                       .keep_best = false,  // the test chooses nothing
                                       .schedule = rv::optim::cosine({.total_steps = epochs * loader.size()}),
                                       .callbacks = {&progress}});

  const rv::Tensor mean = rv::full_like(prices, rv::mean(encoder.targets_in_units(rows.targets())).item());
  const double by_linear = error(predict(linear, unseen.inputs(), encoder), prices);
  const rv::Tensor predicted = predict(network, unseen.inputs(), encoder);
  std::printf("\nerror on the test, RMSE\nguess the mean %8.0f dollars\nlinear model   %8.0f\nnetwork        %8.0f\n",
              error(mean, prices), by_linear, error(predicted, prices));

  const rv::Tensor one = encoder.targets_in_units(rv::tensor({0.0, 1.0}, {2, 1}));  // a scaled target's unit
  if (argc > 3) draw(argv[3], history, by_linear, one.at({1, 0}) - one.at({0, 0}), prices, predicted);
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "diamonds: %s\n", e.what());
  return 1;
}
