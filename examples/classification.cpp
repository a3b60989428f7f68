// Learns to tell from seven numbers where a car was built, and says how often it is right about cars it has not seen.
#include <ravine/ravine.hpp>

#include <cstdio>

namespace rv = ravine;

int main(int argc, char** argv) {
  rv::manual_seed(1);
  auto cars = rv::data::read_csv(argc > 1 ? argv[1] : "examples/data/auto-mpg.csv");
  cars = cars.drop_column("name").drop_missing();
  auto rows = cars.to_dataset("origin");  // a column of text: the targets are classes, (392) i64
  auto [train, test] = rv::data::split(rows, 0.8, {.stratify = rows.targets()});  // the same shares of them in both
  auto scaler = rv::data::StandardScaler::fit(train.inputs());

  rv::nn::Sequential model{rv::nn::Linear(7, 32), rv::nn::ReLU(), rv::nn::Linear(32, 3)};
  rv::optim::Adam adam(model.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(train, {.batch_size = 32, .shuffle = true});
  for (int epoch = 0; epoch < 60; ++epoch)
    for (const auto& batch : loader)
      adam.step([&] { return rv::nn::cross_entropy(model(scaler.transform(batch.inputs)), batch.targets); });

  auto scores = model(scaler.transform(test.inputs())).value();
  auto names = cars.categories("origin");  // "Europe", "Japan", "USA": those of classes 0, 1, 2
  auto first = static_cast<std::size_t>(rv::argmax(scores, 1).at({0}));
  std::printf("right about %.0f %% of the test cars; the first one is from %s, it says\n",
              100.0 * rv::nn::accuracy(scores, test.targets()), names[first].c_str());
}
