// Predicts a column of numbers of a CSV table from its other columns, beside a linear model: what `ravine train` does,
// in a page of code.
//
//     mlp_regression cars.csv mpg name          the target, then columns to leave out
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::data::DataLoader;
using rv::data::TableEncoder;
using rv::data::TensorDataset;

struct Parts {
  TableEncoder encoder;
  TensorDataset training, validation, test;
};

// All that is learned of the columns, as their means, is learned from the training rows.
Parts read(const std::string& file, const std::string& target, const std::vector<std::string>& drop) {
  const rv::data::Table table = rv::data::read_csv(file);
  const auto tables = rv::data::split(table, {0.65, 0.15, 0.2});
  const auto encoder =
      TableEncoder::fit(tables[0], {.target = target, .drop = drop, .unknown = rv::data::Unknown::zeros});
  std::cout << encoder.describe();
  return {encoder, encoder.dataset(tables[0]), encoder.dataset(tables[1]), encoder.dataset(tables[2])};
}

// Until the error on the validation rows has not fallen for 20 epochs; the model ends as it was at its best.
void train(nn::Module& model, const Parts& parts) {
  rv::optim::AdamW adamw(model.parameters(), {.lr = 3e-3, .weight_decay = 1e-2});
  DataLoader loader(parts.training, {.batch_size = 32, .shuffle = true, .drop_last = true});
  DataLoader validation(parts.validation, {.batch_size = 256});
  rv::train::Progress progress(stderr);
  rv::train::fit(model, adamw, nn::mse_loss, loader,
                 {.epochs = 100, .validation = &validation, .patience = 20, .callbacks = {&progress}});
}

// The root of the mean squared error, in the target's units.
double error(nn::Module& model, const Parts& parts, const TensorDataset& rows) {
  const rv::NoGrad no_grad;
  model.eval();
  const rv::Tensor predicted = parts.encoder.targets_in_units(model(rows.inputs()).value());
  return std::sqrt(rv::mean(rv::square(predicted - parts.encoder.targets_in_units(rows.targets()))).item());
}

int main(int argc, char** argv) try {
  if (argc < 3) throw std::invalid_argument("usage: mlp_regression TABLE.csv TARGET [COLUMN_TO_LEAVE_OUT ...]");
  rv::manual_seed(1);
  const Parts parts = read(argv[1], argv[2], {argv + 3, argv + argc});
  const rv::Index features = parts.training.inputs().size(1);
  nn::Sequential linear = nn::mlp({features, 1}), network = nn::mlp({features, 64, 64, 1}, {.batch_norm = true});
  train(linear, parts);
  train(network, parts);

  std::printf("\n%-14s %10s %10s\n", "error", "training", "test");
  for (const auto& [name, model] :
       {std::pair<const char*, nn::Module*>{"linear model", &linear}, {"network", &network}})
    std::printf("%-14s %10.3f %10.3f\n", name, error(*model, parts, parts.training), error(*model, parts, parts.test));
} catch (const std::exception& error) {
  std::cerr << "mlp_regression: " << error.what() << '\n';
  return 1;
}
