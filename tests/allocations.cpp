// In the steady state a training step asks the system's allocator for nothing; glibc only.
#include <cstdio>
#include <ravine/ravine.hpp>

#include "counted_malloc.hpp"

namespace rv = ravine;
namespace nn = rv::nn;

static long count(const char* what, rv::FunctionRef<void()> epoch) {
  for (int i = 0; i < 3; ++i) epoch();
  const long before = allocations;
  for (int i = 0; i < 20; ++i) epoch();
  const long made = allocations - before;
  std::printf("%-28s %ld allocations in 20 epochs\n", what, made);
  return made;
}

int main() {
  const rv::data::TensorDataset data(rv::randn({640, 8}), rv::randn({640, 1}));
  nn::Sequential model{nn::Linear(8, 64),  nn::BatchNorm1d(64), nn::ReLU(), nn::Dropout(0.1),
                       nn::Linear(64, 64), nn::BatchNorm1d(64), nn::Tanh(), nn::Linear(64, 1)};
  rv::optim::Adam adam(model.parameters());
  rv::data::DataLoader loader(data, {.batch_size = 64, .shuffle = true});
  long made = count("explicit loop", [&] {
    for (const auto& [x, y] : loader) {
      const rv::Variable loss = nn::mse_loss(model(x), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
  });
  made += count("closure", [&] {
    for (const auto& batch : loader) adam.step([&] { return nn::mse_loss(model(batch.inputs), batch.targets); });
  });
  made += count("a loop within a loop", [&] {
    for (const auto& batch : loader) {
      adam.step([&] { return nn::mse_loss(model(batch.inputs), batch.targets); });
      for (const auto& [x, y] : loader) nn::mse_loss(model(x), y);
    }
  });
  const rv::Tensor classes = rv::randint(0, 3, {64});
  nn::Sequential classifier{nn::Linear(8, 32), nn::GELU(), nn::Linear(32, 3)};
  rv::optim::SGD sgd(classifier.parameters(), {.lr = 0.01, .momentum = 0.9});
  made += count("classifier", [&] {
    const rv::Tensor x = data.inputs().slice(0, 0, 64);
    sgd.step(
        [&] { return nn::cross_entropy(classifier(x), classes) + 1e-4 * rv::sum(rv::square(sgd.parameters()[0])); });
  });
  // Products large enough to pack their operands.
  const rv::Tensor images = rv::randn({64, 784}), digits = rv::randint(0, 10, {64});
  nn::Sequential wide{nn::Linear(784, 128), nn::ReLU(), nn::Linear(128, 10)};
  rv::optim::Adam wide_adam(wide.parameters());
  made += count("large products", [&] { wide_adam.step([&] { return nn::cross_entropy(wide(images), digits); }); });
  // What does not grow in a step might still in many.
  nn::Sequential tiny{nn::Linear(8, 4), nn::Tanh(), nn::Linear(4, 1)};
  rv::optim::Adam tiny_adam(tiny.parameters());
  const rv::Tensor x = data.inputs().slice(0, 0, 8), y = data.targets().slice(0, 0, 8);
  made += count("20 x 5000 steps", [&] {
    for (int step = 0; step < 5000; ++step) tiny_adam.step([&] { return nn::mse_loss(tiny(x), y); });
  });
  // A thread that makes batches takes a little when its first turn comes, which may be late: but nothing by epoch.
  rv::data::DataLoader ahead(data, {.batch_size = 64, .shuffle = true, .prefetch = 2});
  const long by_threads = count("20 x 10, batches made ahead", [&] {
    for (int epoch = 0; epoch < 10; ++epoch)
      for (const auto& batch : ahead) adam.step([&] { return nn::mse_loss(model(batch.inputs), batch.targets); });
  });
  return made == 0 && by_threads < 50 ? 0 : 1;
}
