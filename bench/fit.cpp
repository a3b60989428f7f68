// What train::fit and its progress bar cost, beside the loop written by hand:  fit_bench [ROUNDS]
// Two nets of bench/training, by Adam, with batches from a loader. Two loops take turns, short ones where no clock is
// looked at, of several pictures where a bar is drawn. A time is the processor's, the least of five; what is printed is
// the median over nets, as where the memory of one lies may cost more than what is measured.
// `fit_bench CASE LOOP STEPS` runs one loop alone, for a profiler.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <string>
#include <vector>

#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>

namespace rv = ravine;
namespace nn = rv::nn;

struct Case {
  const char* name;
  rv::Index batch, inputs, hidden;
  bool batch_norm;
  rv::Index steps;  // in a turn
};
static const Case cases[] = {{"tiny", 32, 2, 32, false, 1280}, {"reg", 64, 8, 64, true, 256}};

struct Training {
  nn::Sequential model;
  rv::optim::Adam adam;
  rv::data::DataLoader loader;

  explicit Training(const Case& c)
      : model(build(c)), adam(model.parameters()), loader(data(c), {.batch_size = c.batch, .shuffle = true}) {}

  static nn::Sequential build(const Case& c) {
    rv::manual_seed(1);
    nn::Sequential model;
    for (const rv::Index inputs : {c.inputs, c.hidden}) {
      model.push_back(nn::Linear(inputs, c.hidden));
      if (c.batch_norm) model.push_back(nn::BatchNorm1d(c.hidden));
      model.push_back(nn::ReLU());
    }
    model.push_back(nn::Linear(c.hidden, 1));
    return model;
  }
  static rv::data::TensorDataset data(const Case& c) {
    const rv::Tensor x = rv::randn({64 * c.batch, c.inputs});
    return {x, rv::sum(rv::square(x), 1, true)};
  }
};

static void by_hand(Training& t, rv::Index steps) {
  rv::Index step = 0;
  double sum = 0.0;
  while (step < steps)
    for (const auto& [x, y] : t.loader) {
      const rv::Variable loss = nn::mse_loss(t.model(x), y);
      t.adam.zero_grad();
      loss.backward();
      t.adam.step();
      sum += loss.item();
      if (++step == steps) break;
    }
  if (!(sum >= 0.0)) std::abort();
}

static void fit(Training& t, rv::Index steps) {
  rv::train::fit(t.model, t.adam, nn::mse_loss, t.loader, {.steps = steps});
}

/// On a terminal that nobody looks at.
static void with_progress(Training& t, rv::Index steps) {
  static std::FILE* const out = [] {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    const bool open = master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0;
    std::FILE* const terminal = std::fopen(open ? ptsname(master) : "/dev/null", "w");
    fcntl(fileno(terminal), F_SETFL, O_NONBLOCK);  // what does not fit into its memory is lost
    return terminal;
  }();
  rv::train::Progress progress(out);
  rv::train::fit(t.model, t.adam, nn::mse_loss, t.loader, {.steps = steps, .callbacks = {&progress}});
}

struct Loop {
  const char* name;
  void (*run)(Training&, rv::Index);
};
static const Loop loops[] = {{"by hand", by_hand}, {"fit", fit}, {"fit with a progress bar", with_progress}};

/// Of the processor, so that other programs hardly matter.
static double seconds(const Loop& loop, Training& t, rv::Index steps) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  loop.run(t, steps);
  return now() - start;
}

static double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

static void compare(const Case& c, const Loop& first, const Loop& second, rv::Index steps, int rounds) {
  std::vector<double> alone, more;
  for (int net = 0; net < (rounds + 4) / 5; ++net) {
    Training training(c);
    double least[] = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    for (int round = 0; round < 5; ++round)
      for (int i = 0; i < 2; ++i)
        least[i] = std::min(least[i], seconds(i == 0 ? first : second, training, steps) / static_cast<double>(steps));
    alone.push_back(least[0]);
    more.push_back(least[1] - least[0]);
  }
  const double time = median(alone), difference = median(more);
  std::printf("%s: %s %.0f ns a step, %s %+.0f ns, %+.2f %%\n", c.name, first.name, 1e9 * time, second.name,
              1e9 * difference, 100.0 * difference / time);
}

int main(int argc, char** argv) {
  if (argc == 4) {
    for (const Case& c : cases)
      for (const Loop& loop : loops)
        if (std::strcmp(c.name, argv[1]) == 0 && std::strncmp(loop.name, argv[2], std::strlen(argv[2])) == 0) {
          Training t(c);
          loop.run(t, bench::argument<rv::Index>(argc, argv, 3, 0));
          return 0;
        }
    return 2;
  }
  const int rounds = bench::argument(argc, argv, 1, 300);
  for (const Case& c : cases) {
    compare(c, loops[0], loops[1], c.steps, rounds);
    compare(c, loops[1], loops[2], 50 * c.steps, rounds / 30 + 1);
  }
}
