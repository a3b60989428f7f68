// A shared library that trains a net.
#include <ravine/ravine.hpp>

namespace rv = ravine;

/// The loss after a hundred steps, over the one at the start.
extern "C" double train() {
  rv::manual_seed(1);
  const rv::Tensor x = rv::uniform({256, 2}, -1.0, 1.0);
  const rv::Tensor y = rv::sum(x * x, 1, /*keepdim=*/true);
  rv::nn::Sequential model{rv::nn::Linear(2, 128), rv::nn::Tanh(), rv::nn::Linear(128, 128), rv::nn::Tanh(),
                           rv::nn::Linear(128, 1)};
  rv::optim::Adam adam(model.parameters(), {.lr = 1e-2});
  const double first = adam.step([&] { return rv::nn::mse_loss(model(x), y); });
  double last = first;
  for (int step = 0; step < 100; ++step) last = adam.step([&] { return rv::nn::mse_loss(model(x), y); });
  return last / first;
}
