// MLP regression on a real CSV with missing values and a categorical column: predict a car's mpg.
// Beside the MLP a linear model learns on the same rows; over three splits the MLP must win.
#include <ravine/ravine.hpp>

#include "check.hpp"

namespace rv = ravine;

// Trains with Adam on mini-batches and returns the mean squared error on the test rows, in mpg^2.
static double test_error(rv::nn::Sequential model, double lr, const rv::data::TensorDataset& train,
                         const rv::data::TensorDataset& test) {
  rv::optim::Adam adam(model.parameters(), {.lr = lr});
  rv::data::DataLoader loader(train, {.batch_size = 32, .shuffle = true});
  CHECK(loader.size() == 10);  // ceil(313 / 32) batches an epoch

  for (int epoch = 0; epoch < 100; ++epoch) {
    for (const auto& [x, y] : loader) {
      auto loss = rv::nn::mse_loss(model(x), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
  }

  model.eval();
  rv::NoGrad no_grad;
  return rv::nn::mse_loss(model(test.inputs()), test.targets()).item();
}

int main(int argc, char** argv) {
  CHECK(argc == 2);
  rv::data::Table cars = rv::data::read_csv(argv[1]);  // header row, empty fields are missing
  CHECK(cars.rows() == 406);
  cars = cars.drop_column("name").drop_missing().one_hot("origin");
  CHECK(cars.rows() == 392);                             // 8 rows lack mpg, 6 lack horsepower
  rv::data::TensorDataset all = cars.to_dataset("mpg");  // inputs (392, 9) f32, targets (392, 1) f32
  CHECK(all.inputs().shape() == rv::Shape({392, 9}));
  CHECK(all.targets().shape() == rv::Shape({392, 1}));

  double mlp = 0.0, linear = 0.0;
  for (int seed = 1; seed <= 3; ++seed) {
    rv::manual_seed(seed);
    auto [train, test] = rv::data::split(all, 0.8);  // shuffled with the library's seed
    CHECK(train.size() == 313 && test.size() == 79);
    auto scaler = rv::data::StandardScaler::fit(train.inputs());  // statistics of the training rows only
    train = {scaler.transform(train.inputs()), train.targets()};
    test = {scaler.transform(test.inputs()), test.targets()};

    linear += test_error(rv::nn::Sequential{rv::nn::Linear(9, 1)}, 5e-2, train, test) / 3;
    rv::nn::Sequential net{rv::nn::Linear(9, 64),  rv::nn::BatchNorm1d(64), rv::nn::ReLU(),
                           rv::nn::Linear(64, 64), rv::nn::ReLU(),          rv::nn::Linear(64, 1)};
    mlp += test_error(net, 3e-3, train, test) / 3;
  }
  std::printf("test mse (mpg^2), mean of 3 splits: MLP %.2f, linear %.2f\n", mlp, linear);
  CHECK(linear < 20.0);  // predicting the mean gives about 60
  CHECK(mlp < 0.95 * linear);
}
