// What every way of using ravine from another project must be able to build: a small net that learns a paraboloid.
#include <cstdio>
#include <ravine/ravine.hpp>

namespace rv = ravine;

int main() {
  rv::manual_seed(1);
  const rv::Tensor x = rv::uniform({256, 2}, -1.0, 1.0);
  const rv::Tensor y = rv::sum(x * x, 1, /*keepdim=*/true);

  rv::nn::Sequential model{rv::nn::Linear(2, 16), rv::nn::Tanh(), rv::nn::Linear(16, 1)};
  rv::optim::Adam adam(model.parameters(), {.lr = 1e-2});
  double first = 0.0, last = 0.0;
  for (int step = 0; step < 300; ++step) {
    last = adam.step([&] { return rv::nn::mse_loss(model(x), y); });
    if (step == 0) first = last;
  }
  std::printf("loss %.4f -> %.5f\n", first, last);
  return last < 0.05 * first ? 0 : 1;
}
