// Times whole training steps of five networks through the public API:  training CASE THREADS SECONDS [held]
// THREADS 0 leaves their number to the library, as any number does within what pays; `held`: it must take so many.
// SECONDS - reads the seconds of one turn after the other, a line each.
// A step is forward, mean squared error, backward and Adam, in f32, on a fixed batch of random numbers.
// `sweep` trains 64 copies of `tiny` with as many learning rates, each copy on one thread: time is per copy and step.
// Prints a line of JSON: case, threads, mean_us, median_us, p10_us, and the loss of the fifth step (of the first copy).
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <ravine/bench/arguments.hpp>
#include <ravine/core/threads.hpp>
#include <ravine/ravine.hpp>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;

struct Case {
  const char* name;
  rv::Index batch;
  std::vector<rv::Index> sizes;
  bool batch_norm;
  int copies = 1;
};

static const std::vector<Case> cases = {
    {"tiny", 32, {2, 32, 32, 1}, false},
    {"reg", 64, {8, 64, 64, 1}, true},
    {"mnist", 64, {784, 128, 10}, false},
    {"mnistbn", 128, {784, 512, 512, 10}, true},
    {"large", 512, {1024, 4096, 4096, 1024}, false},
    {"sweep", 32, {2, 32, 32, 1}, false, 64},
};

struct Run {
  nn::Sequential model;
  rv::Tensor x, y;
  rv::optim::Adam adam;
  int steps = 0;
  double loss = 0.0;  // of the fifth step

  Run(const Case& c, double lr)
      : model(nn::mlp(c.sizes, {.batch_norm = c.batch_norm})),
        x(rv::randn({c.batch, c.sizes.front()})),
        y(rv::randn({c.batch, c.sizes.back()})),
        adam(model.parameters(), {.lr = lr}) {}

  void step() {
    const rv::Variable l = nn::mse_loss(model(x), y);
    adam.zero_grad();
    l.backward();
    adam.step();
    const double value = l.item();
    if (++steps == 5) loss = value;
  }
};

/// From 1e-3 up to 1e-2, then from 1e-4 up to 1e-3, by equal factors.
static double rate(int i, int copies) {
  return 1e-3 * std::pow(10.0, (2 * i < copies ? i : i - copies) * 2.0 / copies);
}

static double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Turn {
  double mean, median, p10;  // seconds a step and copy
};

/// Steps for so many seconds, timed in groups of `inner`: reading the clock costs 30 ns, and the threads of a sweep
/// need not wait for each other.
template <class Step>
static Turn measure(double seconds, std::size_t least, int inner, std::size_t copies, Step step) {
  const double per_step = 1.0 / (inner * static_cast<double>(copies)), start = now();
  std::vector<double> times;
  while (now() - start < seconds || times.size() < least) {
    const double begin = now();
    step(inner);
    times.push_back((now() - begin) * per_step);
  }
  const double mean = (now() - start) * per_step / static_cast<double>(times.size());
  std::sort(times.begin(), times.end());
  return {mean, times[times.size() / 2], times[times.size() / 10]};
}

int main(int argc, char** argv) {
  const auto found = std::find_if(cases.begin(), cases.end(),
                                  [&](const Case& c) { return argc >= 4 && std::strcmp(c.name, argv[1]) == 0; });
  const bool hold = argc == 5 && std::strcmp(argv[4], "held") == 0, turns = argc >= 4 && std::strcmp(argv[3], "-") == 0;
  if (found == cases.end() || argc > 5 || (argc == 5 && !hold)) {
    std::fputs("usage: training tiny|reg|mnist|mnistbn|large|sweep THREADS SECONDS|- [held]\n", stderr);
    return 2;
  }
  const int threads = bench::argument(argc, argv, 2, 1);
  if (threads > 0) omp_set_num_threads(threads);
  if (hold) rv::detail::hold_threads(true);

  std::deque<Run> runs;
  for (int i = 0; i < found->copies; ++i) {
    rv::manual_seed(1);  // all start from the same numbers
    runs.emplace_back(*found, rate(i, found->copies));
  }
  const auto step = [&](int count) {
    if (runs.size() == 1) {  // no region around it: large ops have their own
      for (int i = 0; i < count; ++i) runs[0].step();
      return;
    }
#pragma omp parallel for schedule(static)
    for (Run& run : runs)
      for (int i = 0; i < count; ++i) run.step();
  };

  const double warm = now();
  do step(1);
  while (now() - warm < 0.2 || (!turns && runs[0].steps < 5));
  const double one = [&] {
    const double start = now();
    step(1);
    return now() - start;
  }();
  const int inner = runs.size() > 1 ? 100 : std::max(1, static_cast<int>(20e-6 / one));
  const auto report = [&](double seconds, std::size_t least) {
    const Turn t = measure(seconds, least, inner, runs.size(), step);
    std::printf(
        "{\"case\": \"%s\", \"threads\": %d, \"mean_us\": %.3f, \"median_us\": %.3f, \"p10_us\": %.3f, "
        "\"loss\": %.9g}\n",
        found->name, threads, t.mean * 1e6, t.median * 1e6, t.p10 * 1e6, runs[0].loss);
    std::fflush(stdout);
  };
  if (!turns) report(bench::argument(argc, argv, 3, 1.0), 3);
  for (double seconds = 0.0; turns && std::scanf("%lf", &seconds) == 1;) report(seconds, 1);
}
