// Learns from 313 cars how many miles they drive on a gallon, and predicts it for 79 others.
#include <ravine/ravine.hpp>

#include <cstdio>

namespace rv = ravine;

int main(int argc, char** argv) {
  rv::manual_seed(1);
  auto cars = rv::data::read_csv(argc > 1 ? argv[1] : "examples/data/auto-mpg.csv");
  cars = cars.drop_column("name").drop_missing().one_hot("origin");
  auto [train, test] = rv::data::split(cars.to_dataset("mpg"), 0.8);
  auto scaler = rv::data::StandardScaler::fit(train.inputs());

  rv::nn::Sequential model{rv::nn::Linear(9, 64), rv::nn::BatchNorm1d(64), rv::nn::ReLU(), rv::nn::Linear(64, 1)};
  rv::optim::Adam adam(model.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(train, {.batch_size = 32, .shuffle = true});

  for (int epoch = 0; epoch < 100; ++epoch) {
    for (const auto& [x, y] : loader) {
      auto loss = rv::nn::mse_loss(model(scaler.transform(x)), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
  }

  model.eval();
  auto error = rv::nn::l1_loss(model(scaler.transform(test.inputs())), test.targets());
  std::printf("mean error on the test cars: %.2f miles per gallon\n", error.item());
}
