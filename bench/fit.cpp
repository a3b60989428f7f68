// What train::fit and its progress bar cost, beside the loop written by hand:  fit_bench [PAIRS]
// or one loop alone, for a profiler:  fit_bench CASE LOOP STEPS
//
// Two nets of bench/training, by Adam, with batches from a loader. Two loops take turns, each on a net of its own, in
// runs so long that what begins and ends one hardly counts. A time is the processor's, the least of seven turns; what
// is printed is the median over pairs of nets that lie elsewhere in memory, as where one lies may cost more than what
// is measured, and the quartiles. The loop by hand beside itself shows what such a figure is worth.
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
static const Case cases[] = {{"tiny", 32, 2, 32, false, 2560}, {"reg", 64, 8, 64, true, 2048}};

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

static double part_below(double share, std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

/// Blocks of many sizes that are in use while it lives, so that what comes next lies elsewhere.
static std::vector<rv::Tensor> taken_memory() {
  static rv::Generator sizes(1);
  std::vector<rv::Tensor> taken;
  for (int i = 0; i < 30; ++i) taken.emplace_back(rv::Shape{1 + sizes.next_below(6000)}, rv::f32);
  return taken;
}

static void compare(const Case& c, const Loop& first, const Loop& second, rv::Index steps, int pairs) {
  std::vector<double> alone, more;
  for (int pair = 0; pair < pairs; ++pair) {
    const auto taken = taken_memory();
    Training nets[] = {Training(c), Training(c)};
    double least[] = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
    for (int turn = 0; turn < 7; ++turn)
      for (const int i : {turn % 2, 1 - turn % 2}) {
        const double time = seconds(i == 0 ? first : second, nets[(i + pair) % 2], steps);
        least[i] = std::min(least[i], 1e9 * time / static_cast<double>(steps));
      }
    alone.push_back(least[0]);
    more.push_back(least[1] - least[0]);
  }
  const double time = part_below(0.5, alone), difference = part_below(0.5, more);
  std::printf("%s: %s %.0f ns a step, %s %+.0f ns, %+.2f %%; quartiles %+.0f and %+.0f ns\n", c.name, first.name, time,
              second.name, difference, 100.0 * difference / time, part_below(0.25, more), part_below(0.75, more));
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
  const int pairs = bench::argument(argc, argv, 1, 40);
  for (const Case& c : cases) {
    compare(c, loops[0], loops[0], c.steps, pairs);
    compare(c, loops[0], loops[1], c.steps, pairs);
    compare(c, loops[1], loops[2], 10 * c.steps, pairs / 20 + 1);
  }
}
