// The share of its time that training waits for its loader:  loader [reg|mnist [SECONDS]]
// Whole epochs of the networks of training.cpp, on 6400 rows, shuffled; with prefetch 0, 1 and 2 in turn, of which the
// fastest epoch counts. Then the same where an example is made by a dataset of one's own, with noise.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <limits>
#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;

struct Case {
  const char* name;
  std::vector<rv::Index> sizes;
  bool batch_norm;
};

static const std::vector<Case> cases = {{"reg", {8, 64, 64, 1}, true}, {"mnist", {784, 128, 10}, false}};

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

struct Times {
  double epoch = std::numeric_limits<double>::infinity();
  double waiting = 0.0;  // of that epoch
  rv::Index steps = 0;
};

struct Run {
  nn::Sequential model;
  rv::optim::Adam adam;
  rv::data::DataLoader loader;
  Times best = {};

  Run(const Case& c, const rv::data::Dataset& rows, rv::Index prefetch)
      : model(build(c)),
        adam(model.parameters()),
        loader(rows, {.batch_size = 64, .shuffle = true, .seed = 1, .prefetch = prefetch}) {
    best.steps = loader.size();
  }

  void epoch() {
    const double start = now();
    auto it = loader.begin();
    double waiting = now() - start;
    while (it != loader.end()) {
      adam.step([&] { return nn::mse_loss(model(it->inputs), it->targets); });
      const double since = now();
      ++it;
      waiting += now() - since;
    }
    if (const double total = now() - start; total < best.epoch) best = {total, waiting, best.steps};
  }
};

static void measure(const Case& c, const char* data, const rv::data::Dataset& rows, double seconds) {
  rv::manual_seed(1);
  std::deque<Run> runs;
  for (const rv::Index prefetch : {0, 1, 2}) runs.emplace_back(c, rows, prefetch);
  const double start = now();
  do
    for (Run& run : runs) run.epoch();
  while (now() - start < seconds);
  for (const Run& run : runs)
    std::printf("%-6s %-8s prefetch %td: %8.2f us a step, of which %7.2f us (%4.1f %%) for the loader\n", c.name, data,
                run.loader.options().prefetch, run.best.epoch / static_cast<double>(run.best.steps) * 1e6,
                run.best.waiting / static_cast<double>(run.best.steps) * 1e6,
                100.0 * run.best.waiting / run.best.epoch);
}

int main(int argc, char** argv) {
  const double seconds = bench::argument(argc, argv, 2, 5.0);
  for (const Case& c : cases) {
    if (argc > 1 && std::strcmp(argv[1], c.name) != 0) continue;
    const rv::data::TensorDataset rows(rv::randn({6400, c.sizes.front()}), rv::randn({6400, c.sizes.back()}));
    measure(c, "rows", rows, seconds);
    measure(c, "noisy",
            rv::data::transform(rows,
                                [](rv::data::Example e) {
                                  return rv::data::Example{e.input + rv::randn(e.input.shape()) * 0.1, e.target};
                                }),
            seconds);
  }
}
