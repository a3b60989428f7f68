// Times whole training steps of five networks through the public API:  training CASE THREADS SECONDS
// A step is forward, mean squared error, backward and Adam, in f32, on a fixed batch of random numbers.
// Prints one line of JSON: case, threads, median_us, p10_us, and the loss of the fifth step.
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ravine/ravine.hpp>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;

struct Case {
  const char* name;
  rv::Index batch;
  std::vector<rv::Index> sizes;
  bool batch_norm;
};

static const std::vector<Case> cases = {
    {"tiny", 32, {2, 32, 32, 1}, false},
    {"reg", 64, {8, 64, 64, 1}, true},
    {"mnist", 64, {784, 128, 10}, false},
    {"mnistbn", 128, {784, 512, 512, 10}, true},
    {"large", 512, {1024, 4096, 4096, 1024}, false},
};

static nn::Sequential build(const Case& c) {
  nn::Sequential model;
  for (std::size_t i = 0; i + 1 < c.sizes.size(); ++i) {
    model.push_back(nn::Linear(c.sizes[i], c.sizes[i + 1]));
    if (i + 2 == c.sizes.size()) break;
    if (c.batch_norm) model.push_back(nn::BatchNorm1d(c.sizes[i + 1]));
    model.push_back(nn::ReLU());
  }
  return model;
}

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

int main(int argc, char** argv) {
  const auto found = std::find_if(cases.begin(), cases.end(),
                                  [&](const Case& c) { return argc == 4 && std::strcmp(c.name, argv[1]) == 0; });
  if (found == cases.end()) {
    std::fputs("usage: training tiny|reg|mnist|mnistbn|large THREADS SECONDS\n", stderr);
    return 2;
  }
  const int threads = std::atoi(argv[2]);
  const double seconds = std::atof(argv[3]);
  omp_set_num_threads(threads);

  rv::manual_seed(1);
  nn::Sequential model = build(*found);
  const rv::Tensor x = rv::randn({found->batch, found->sizes.front()});
  const rv::Tensor y = rv::randn({found->batch, found->sizes.back()});
  rv::optim::Adam adam(model.parameters());
  int steps = 0;
  double loss = 0.0;
  const auto step = [&] {
    const rv::Variable l = nn::mse_loss(model(x), y);
    adam.zero_grad();
    l.backward();
    adam.step();
    const double value = l.item();
    if (++steps == 5) loss = value;
  };

  const double warm = now();
  do step();
  while (now() - warm < 0.2 || steps < 5);
  const double one = [&] {
    const double start = now();
    step();
    return now() - start;
  }();
  const int inner = std::max(1, static_cast<int>(20e-6 / one));  // short steps in groups: reading the clock costs 30 ns
  std::vector<double> times;
  for (const double start = now(); now() - start < seconds || times.size() < 3;) {
    const double begin = now();
    for (int i = 0; i < inner; ++i) step();
    times.push_back((now() - begin) / inner);
  }
  std::sort(times.begin(), times.end());
  std::printf("{\"case\": \"%s\", \"threads\": %d, \"median_us\": %.3f, \"p10_us\": %.3f, \"loss\": %.9g}\n",
              found->name, threads, times[times.size() / 2] * 1e6, times[times.size() / 10] * 1e6, loss);
}
