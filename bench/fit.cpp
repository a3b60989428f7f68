// What train::fit and its progress bar cost, beside the loop written by hand:  fit_bench [PLACES]
// or one loop alone, for a profiler:  fit_bench CASE LOOP EPOCHS
//
// Two nets of bench/training, by Adam, with batches from a loader, 64 in an epoch. Two loops train one net in turns of
// an epoch, so that neither where a net lies in memory nor what else the machine does, which may cost more than what is
// measured, counts for one of them: the first, the second twice, the first, and so on. What four turns give is a
// difference in the processor's time, left out where they took a tenth longer than the least, as when others use the
// core. What is printed is the median over nets that lie in many places, and an interval that holds the true one in 19
// of 20 cases. The loop by hand beside itself shows what such a figure is worth.
#include <fcntl.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <ravine/bench/arguments.hpp>
#include <ravine/ravine.hpp>

namespace rv = ravine;
namespace nn = rv::nn;

constexpr rv::Index batches = 64;  // in an epoch

struct Case {
  const char* name;
  rv::Index batch, inputs, hidden;
  bool batch_norm;
};
static const Case cases[] = {{"tiny", 32, 2, 32, false}, {"reg", 64, 8, 64, true}};

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

struct Training {
  nn::Sequential model;
  rv::optim::Adam adam;
  rv::data::TensorDataset data;

  explicit Training(const Case& c) : model(build(c)), adam(model.parameters()), data(examples(c)) {}

  static rv::data::TensorDataset examples(const Case& c) {
    const rv::Tensor x = rv::randn({batches * c.batch, c.inputs});
    return {x, rv::sum(rv::square(x), 1, true)};
  }
};

static void by_hand(Training& t, rv::data::DataLoader& loader, rv::Index epochs) {
  double sum = 0.0;
  for (rv::Index epoch = 0; epoch < epochs; ++epoch)
    for (const auto& [x, y] : loader) {
      const rv::Variable loss = nn::mse_loss(t.model(x), y);
      t.adam.zero_grad();
      loss.backward();
      t.adam.step();
      sum += loss.item();
    }
  if (!(sum >= 0.0)) std::abort();
}

static void fit(Training& t, rv::data::DataLoader& loader, rv::Index epochs) {
  rv::train::fit(t.model, t.adam, nn::mse_loss, loader, {.epochs = epochs});
}

/// On a terminal that nobody looks at.
static void with_progress(Training& t, rv::data::DataLoader& loader, rv::Index epochs) {
  static std::FILE* const out = [] {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    const bool open = master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0;
    std::FILE* const terminal = std::fopen(open ? ptsname(master) : "/dev/null", "w");
    fcntl(fileno(terminal), F_SETFL, O_NONBLOCK);  // what does not fit into its memory is lost
    return terminal;
  }();
  rv::train::Progress progress(out);
  rv::train::fit(t.model, t.adam, nn::mse_loss, loader, {.epochs = epochs, .callbacks = {&progress}});
}

struct Loop {
  const char* name;
  void (*run)(Training&, rv::data::DataLoader&, rv::Index epochs);
};
static const Loop loops[] = {{"by hand", by_hand}, {"fit", fit}, {"fit with a progress bar", with_progress}};

/// A loop that runs an epoch at a time: its loader gives way where it draws an order.
class Turns {
 public:
  Turns(const Case& c, const Loop& loop, Training& training, rv::Index epochs)
      : loop_(loop), training_(training), epochs_(epochs) {
    const auto draw = [this](std::span<rv::Index> order, rv::Generator&) {
      std::iota(order.begin(), order.end(), 0);
      swapcontext(&own_, &callers_);
    };
    options_ = {.batch_size = c.batch, .sampler = {batches * c.batch, draw}};
    getcontext(&own_);
    own_.uc_stack.ss_sp = stack_.data();
    own_.uc_stack.ss_size = stack_.size();
    own_.uc_link = &callers_;
    makecontext(&own_, start, 0);
    epoch();  // up to the first
  }

  void epoch() {
    starting_ = this;
    swapcontext(&callers_, &own_);
  }

 private:
  static void start() { starting_->run(); }
  void run() {
    rv::data::DataLoader loader(training_.data, options_);
    loop_.run(training_, loader, epochs_);
  }

  static inline Turns* starting_ = nullptr;
  const Loop& loop_;
  Training& training_;
  const rv::Index epochs_;
  rv::data::DataLoaderOptions options_;
  std::vector<char> stack_ = std::vector<char>(1 << 20);
  ucontext_t own_, callers_;
};

/// Of the processor, so that other programs hardly matter.
static double seconds(Turns& loop) {
  const auto now = [] {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double start = now();
  loop.epoch();
  return now() - start;
}

/// Blocks of many sizes that are in use while it lives, so that what comes next lies elsewhere.
static std::vector<rv::Tensor> taken_memory() {
  static rv::Generator sizes(1);
  std::vector<rv::Tensor> taken;
  for (int i = 0; i < 30; ++i) taken.emplace_back(rv::Shape{1 + sizes.next_below(6000)}, rv::f32);
  return taken;
}

/// In the order of size; shift is in standard deviations of a median's rank.
static double median(std::vector<double>& values, double shift = 0.0) {
  std::sort(values.begin(), values.end());
  const double n = static_cast<double>(values.size());
  return values[static_cast<std::size_t>(std::clamp((n + shift * std::sqrt(n)) / 2.0, 0.0, n - 1.0))];
}

static void compare(const Case& c, const Loop& first, const Loop& second, int places) {
  constexpr int warm = 4, rounds = 20;
  struct Round {
    double first, second;  // ns a step
  };
  std::vector<std::vector<Round>> all;
  double least = std::numeric_limits<double>::infinity();
  for (int place = 0; place < places; ++place) {
    const auto taken = taken_memory();
    Training net(c);
    Turns turns[] = {{c, first, net, warm + 2 * rounds}, {c, second, net, warm + 2 * rounds}};
    for (int i = 0; i < warm; ++i)
      for (Turns& loop : turns) loop.epoch();
    all.emplace_back();
    for (int round = 0; round < rounds; ++round) {
      double time[] = {0.0, 0.0};
      for (const int turn : {0, 1, 1, 0}) {
        const int i = (turn + round) % 2;
        time[i] += 1e9 / (2.0 * batches) * seconds(turns[i]);
      }
      all.back().push_back({time[0], time[1]});
      least = std::min(least, time[0] + time[1]);
    }
  }
  std::vector<double> alone, more;  // a number for each place
  for (const auto& place : all) {
    std::vector<double> times, differences;
    for (const Round& round : place)
      if (round.first + round.second < 1.1 * least) {
        times.push_back(round.first);
        differences.push_back(round.second - round.first);
      }
    if (times.empty()) continue;
    alone.push_back(median(times));
    more.push_back(median(differences));
  }
  const double time = median(alone), difference = median(more);
  std::printf("%s: %s %.0f ns a step, %s %+.0f ns [%+.0f, %+.0f], %+.2f %%; %zu of %d places\n", c.name, first.name,
              time, second.name, difference, median(more, -1.96), median(more, 1.96), 100.0 * difference / time,
              more.size(), places);
  std::fflush(stdout);
}

int main(int argc, char** argv) {
  if (argc == 4) {
    for (const Case& c : cases)
      for (const Loop& loop : loops)
        if (std::strcmp(c.name, argv[1]) == 0 && std::strncmp(loop.name, argv[2], std::strlen(argv[2])) == 0) {
          Training t(c);
          rv::data::DataLoader loader(t.data, {.batch_size = c.batch, .shuffle = true});
          loop.run(t, loader, bench::argument<rv::Index>(argc, argv, 3, 0));
          return 0;
        }
    return 2;
  }
  const int places = bench::argument(argc, argv, 1, 40);
  for (const Case& c : cases) {
    compare(c, loops[0], loops[0], places);
    compare(c, loops[0], loops[1], places);
    compare(c, loops[1], loops[2], places);
  }
}
