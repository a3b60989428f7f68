// Predicts a numeric column of a CSV table from its other columns with a small neural network:
//
//     mlp_regression cars.csv --target mpg
//
// Beside the network a linear model learns from the same rows; to guess the mean is what both have to beat.
#include <ravine/ravine.hpp>

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
using rv::data::StandardScaler;
using rv::data::Table;
using rv::data::TensorDataset;

struct Settings {
  std::string file, target = "mpg", predictions;
  std::vector<std::string> drop;
  int epochs = 100;
  rv::Index batch = 32, hidden = 64;
  double lr = 3e-3;
  std::uint64_t seed = 1;
};

// Reads the table and says what becomes of it. A network takes numbers: a text column of few different values becomes
// columns of 0 and 1, any other is left out.
Table read_numbers(const Settings& settings) {
  Table table = rv::data::read_csv(settings.file);
  std::cout << settings.file << " has " << table.rows() << " rows and " << table.columns() << " columns.\n";
  if (!table.numeric(settings.target))
    throw std::invalid_argument("column '" + settings.target + "' is text; --target takes a column of numbers");

  table = table.drop_column(settings.drop);
  for (const std::string& name : table.column_names()) {
    if (table.numeric(name)) continue;
    const std::size_t values = table.categories(name).size();
    const bool few = values <= 12;
    table = few ? table.one_hot(name) : table.drop_column(name);
    std::cout << "Column '" << name << "' is text of " << values
              << " different values: " << (few ? "now a column of 0 and 1 for each.\n" : "left out.\n");
  }
  std::cout << '\n' << table.describe() << '\n';
  return table;
}

// The numbers of the rows in which no value is missing; the first below the header is 1.
std::vector<rv::Index> complete_rows(const Table& table) {
  rv::Tensor sum = rv::zeros({table.rows()}, rv::f64);
  for (const std::string& name : table.column_names()) sum = sum + table.column(name);  // NaN where one is missing
  std::vector<rv::Index> rows;
  for (rv::Index row = 0; row < table.rows(); ++row)
    if (!std::isnan(sum.at({row}))) rows.push_back(row + 1);
  return rows;
}

struct Split {
  TensorDataset training, test;
  std::vector<rv::Index> test_rows;  // their numbers in the file
};

// Four fifths of the rows, at random, to learn from; the others show how well it predicts what it has not seen.
Split split_rows(const Table& table, const std::string& target) {
  const std::vector<rv::Index> numbers = complete_rows(table);
  const TensorDataset all = table.drop_missing().to_dataset(target);
  if (all.size() < 10) throw std::invalid_argument("fewer than 10 complete rows; --drop columns that lack many values");

  std::vector<rv::Index> order = rv::permutation(all.size()).to_vector<rv::Index>();
  const auto middle = order.begin() + all.size() * 4 / 5;
  std::sort(middle, order.end());
  const auto pick = [&](auto begin, auto end) {
    const rv::Tensor rows = rv::tensor(std::vector(begin, end), rv::i64);
    return TensorDataset(rv::index_select(all.inputs(), 0, rows), rv::index_select(all.targets(), 0, rows));
  };
  Split split{pick(order.begin(), middle), pick(middle, order.end()), {}};
  for (auto row = middle; row != order.end(); ++row) split.test_rows.push_back(numbers[static_cast<std::size_t>(*row)]);
  std::cout << table.rows() - all.size() << " rows lack a value and are left out; " << split.training.size()
            << " rows to learn from, " << split.test.size() << " to test with.\n\n";
  return split;
}

// On a terminal one line that is redrawn, elsewhere five lines in all.
void show_progress(const char* name, int epoch, int epochs, double loss) {
  static const bool terminal = isatty(STDOUT_FILENO) != 0;
  if (!terminal && epoch % std::max(1, epochs / 5) != 0 && epoch != epochs) return;
  const int width = 24, done = width * epoch / epochs;
  std::string bar;
  for (int i = 0; i < width; ++i) bar += i < done ? "━" : "╌";
  std::printf("%s%-14s %s  epoch %3d of %d   loss %.4f%s", terminal ? "\r" : "", name, bar.c_str(), epoch, epochs, loss,
              terminal && epoch < epochs ? "" : "\n");
  std::fflush(stdout);
}

// Adam on mini-batches in random order, all of them full: BatchNorm1d cannot work on a single row.
void train(const char* name, nn::Sequential model, const TensorDataset& rows, const Settings& settings) {
  rv::optim::Adam adam(model.parameters(), {.lr = settings.lr});
  rv::data::DataLoader loader(
      rows, {.batch_size = std::min(settings.batch, rows.size()), .shuffle = true, .drop_last = true});
  for (int epoch = 1; epoch <= settings.epochs; ++epoch) {
    double total = 0.0;
    for (const auto& [x, y] : loader) {
      auto loss = nn::mse_loss(model(x), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
      total += loss.item();
    }
    if (!std::isfinite(total)) throw std::runtime_error("the training diverged; try a smaller --lr");
    show_progress(name, epoch, settings.epochs, total / static_cast<double>(loader.size()));
  }
  model.eval();
}

struct Errors {
  double rms, mean;
  Errors(const rv::Tensor& predicted, const rv::Tensor& target)
      : rms(std::sqrt(rv::mean(rv::square(predicted - target)).item())),
        mean(rv::mean(rv::abs(predicted - target)).item()) {}
};

void run(const Settings& settings) {
  rv::manual_seed(settings.seed);
  const Table table = read_numbers(settings);
  const Split split = split_rows(table, settings.target);
  const TensorDataset &training = split.training, &test = split.test;

  // Columns of mean 0 and standard deviation 1 are learned fast, whatever their units are.
  const auto inputs = StandardScaler::fit(training.inputs()), targets = StandardScaler::fit(training.targets());
  const TensorDataset scaled(inputs.transform(training.inputs()), targets.transform(training.targets()));

  const rv::Index features = training.inputs().size(1), hidden = settings.hidden;
  nn::Sequential linear{nn::Linear(features, 1)};
  nn::Sequential network{
      nn::Linear(features, hidden), nn::BatchNorm1d(hidden), nn::ReLU(), nn::Linear(hidden, hidden), nn::ReLU(),
      nn::Linear(hidden, 1),
  };
  std::cout << nn::summary(network, {settings.batch, features})
            << "\nThe loss is the mean squared error in scaled units: a model that guesses the mean has 1.\n";
  train("linear model", linear, scaled, settings);
  train("network", network, scaled, settings);

  rv::NoGrad no_grad;
  const auto predict = [&](nn::Sequential& model, const TensorDataset& rows) {
    return targets.inverse_transform(model(inputs.transform(rows.inputs())).value());
  };
  const auto mean = [&](const TensorDataset& rows) { return rv::full_like(rows.targets(), targets.mean().item()); };
  const int decimals = std::clamp(2 - static_cast<int>(std::floor(std::log10(targets.std().item()))), 0, 9);
  const auto report = [&](const char* name, const Errors& seen, const Errors& unseen) {
    std::printf("%-20s %10.*f %10.*f   %10.*f %10.*f\n", name, decimals, seen.rms, decimals, seen.mean, decimals,
                unseen.rms, decimals, unseen.mean);
  };
  const Errors network_test(predict(network, test), test.targets());
  std::printf("\n%-20s %21s   %21s\n", "", "rows it learned from", "rows it has not seen");
  std::printf("error in %-11s %10s %10s   %10s %10s\n", settings.target.c_str(), "RMSE", "MAE", "RMSE", "MAE");
  report("guess the mean", {mean(training), training.targets()}, {mean(test), test.targets()});
  report("linear model", {predict(linear, training), training.targets()}, {predict(linear, test), test.targets()});
  report("network", {predict(network, training), training.targets()}, network_test);
  std::printf(
      "\nOn a row it has not seen, the network is off by %.*f on average (MAE: the mean absolute error).\n"
      "RMSE, the root of the mean squared error, counts large errors more.\n",
      decimals, network_test.mean);

  if (settings.predictions.empty()) return;
  rv::data::write_csv(
      settings.predictions, {"row", settings.target, "prediction"},
      rv::concat({rv::tensor(split.test_rows, {test.size(), 1}), test.targets(), predict(network, test)}, 1));
  std::cout << "The predictions for the test rows are in " << settings.predictions << ".\n";
}

int main(int argc, char** argv) {
  Settings settings;
  CLI::App app("Trains a small neural network to predict a numeric column of a CSV table from the other columns.");
  app.option_defaults()->always_capture_default();
  app.add_option("file", settings.file, "the table, with a header line")->required();
  app.add_option("--target", settings.target, "the column to predict");
  app.add_option("--drop", settings.drop, "columns to leave out, as in a,b")->delimiter(',')->allow_extra_args(false);
  app.add_option("--epochs", settings.epochs, "passes over the training rows")->check(CLI::Range(1, 1000000));
  app.add_option("--lr", settings.lr, "learning rate");
  app.add_option("--batch", settings.batch, "rows in a mini-batch, at least 2")->check(CLI::Range(2, 1000000));
  app.add_option("--hidden", settings.hidden, "units in each of the two hidden layers")->check(CLI::Range(1, 100000));
  app.add_option("--seed", settings.seed, "of all random numbers");
  app.add_option("--predictions", settings.predictions, "write the test rows with their predictions to this CSV file");
  try {
    app.parse(argc, argv);
    run(settings);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    std::cout.flush();
    std::cerr << "mlp_regression: " << error.what() << '\n';
    return 1;
  }
}
