// How the size of mini-batches changes the speed of training: a classifier of 28 x 28 images learns with batches of 1,
// 10, 100 and 1000 examples. Small batches take many cheap steps, large ones few steps along better gradients.
#include <ravine/ravine.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace report = rv::report;
using rv::data::TensorDataset;

struct Settings {
  std::string images, labels, pictures;
  rv::Index examples = 50000;
  double seconds = 2.0, rate = 0.0;
  std::uint64_t seed = 1;
};

struct BatchSize {
  rv::Index B;
  double alpha;  // of 0.001, 0.003, 0.01, 0.03, ... the one of the lowest loss after two seconds on the made-up images
};
const BatchSize batch_sizes[] = {{1, 0.003}, {10, 0.03}, {100, 0.1}, {1000, 1.0}};

// n made-up images of ten classes. A class has several smooth patterns; an image shows a part of one, which begins at a
// random place, under noise.
TensorDataset make_images(rv::Index n) {
  constexpr rv::Index patterns = 20, side = 28, shifts = 5, whole = side + shifts - 1;
  const rv::Tensor place = rv::arange(whole, rv::f32);
  const rv::Tensor blur = rv::exp(-rv::square((place.reshape({-1, 1}) - place) / 2.0));
  std::vector<rv::Tensor> parts;
  std::vector<rv::Index> classes;
  for (rv::Index i = 0; i < 10 * patterns; ++i) {
    rv::Tensor pattern = rv::matmul(rv::matmul(blur, rv::randn({whole, whole})), blur);
    pattern = pattern / std::sqrt(rv::mean(rv::square(pattern)).item());
    for (rv::Index y = 0; y < shifts; ++y)
      for (rv::Index x = 0; x < shifts; ++x) {
        parts.push_back(pattern.slice(0, y, y + side).slice(1, x, x + side).reshape({side * side}));
        classes.push_back(i % 10);
      }
  }
  const rv::Tensor part = rv::randint(0, static_cast<rv::Index>(parts.size()), {n});
  return {rv::index_select(rv::stack(parts, 0), 0, part) + 2.5 * rv::randn({n, side * side}),
          rv::index_select(rv::tensor(classes, rv::i64), 0, part)};
}

// Images and labels from IDX files, as MNIST's.
TensorDataset read_images(const std::string& images, const std::string& labels) {
  const rv::Tensor pixels = rv::data::read_idx(images), targets = rv::data::read_idx(labels);
  return {pixels.reshape({pixels.size(0), -1}).to(rv::f32), targets.to(rv::i64)};
}

// The images to learn from and those for the test. One scale for all pixels gives them mean 0 and variance 1.
std::pair<TensorDataset, TensorDataset> load(const Settings& settings) {
  const TensorDataset all = settings.images.empty() ? make_images(settings.examples + settings.examples / 5)
                                                    : read_images(settings.images, settings.labels);
  if (all.size() <= settings.examples)
    throw std::invalid_argument("--examples must leave some of the " + std::to_string(all.size()) +
                                " images for the test");
  const double mean = rv::mean(all.inputs()).item(), deviation = std::sqrt(rv::var(all.inputs()).item());
  return rv::data::split({(all.inputs() - mean) / deviation, all.targets()}, settings.examples);
}

struct Quality {
  double loss, accuracy;
};

Quality evaluate(nn::Module& model, const TensorDataset& test) {
  rv::NoGrad no_grad;
  const rv::Variable logits = model(test.inputs());
  return {nn::cross_entropy(logits, test.targets()).item(), nn::accuracy(logits, test.targets())};
}

// Seconds since the start, but for those that were skipped.
class Watch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  template <class F>
  void skip(F&& f) {
    const Clock::time_point before = Clock::now();
    f();
    start_ += Clock::now() - before;
  }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

struct Run {
  double epoch = 0.0, steps_per_second = 0.0;
  Quality reached{};  // when the time was over
  std::vector<double> times, losses;
};

// Steps theta <- theta - alpha g, where g is the gradient of the mean loss of B examples. Trains for whole epochs until
// the time is over. The watch does not count what it takes to see how good the model is:
// after a thousandth of the time, and again whenever a quarter has been added.
Run train(const TensorDataset& training, const TensorDataset& test, const BatchSize& size, const Settings& settings) {
  rv::manual_seed(settings.seed);
  nn::Sequential model{nn::Linear(training.inputs().size(1), 128), nn::ReLU(), nn::Linear(128, 10)};
  rv::optim::SGD sgd(model.parameters(), {.lr = settings.rate > 0.0 ? settings.rate : size.alpha});
  rv::data::DataLoader loader(training, {.batch_size = size.B, .shuffle = true});
  Run run;
  double next = settings.seconds / 1000.0;
  int epochs = 0;
  Watch watch;
  for (; epochs == 0 || watch.seconds() < settings.seconds; ++epochs)
    for (const auto& [x, y] : loader) {
      auto loss = nn::cross_entropy(model(x), y);
      sgd.zero_grad();
      loss.backward();
      sgd.step();
      const double t = watch.seconds();
      if (t < next) continue;
      watch.skip([&] { run.reached = evaluate(model, test); });
      run.times.push_back(t);
      run.losses.push_back(run.reached.loss);
      next = t < settings.seconds ? std::min(1.25 * t, settings.seconds) : std::numeric_limits<double>::infinity();
    }
  run.epoch = watch.seconds() / epochs;
  run.steps_per_second = static_cast<double>(loader.size()) / run.epoch;
  return run;
}

void run(const Settings& settings) {
  rv::manual_seed(settings.seed);
  const auto [training, test] = load(settings);
  std::printf("A network of 128 hidden units learns from %d images by plain SGD; the test has %d others.\n\n",
              static_cast<int>(training.size()), static_cast<int>(test.size()));
  std::printf("                      one epoch of all images       after %g s of training\n", settings.seconds);
  std::puts("batch size     rate    seconds    ratio   steps/s    test loss    accuracy");
  report::Plot plot({.title = "Loss against time, for four sizes of a batch",
                     .x_label = "seconds of training",
                     .y_label = "test loss",
                     .x_log = true});
  double first_epoch = 0.0;
  for (const BatchSize& size : batch_sizes) {
    const Run result = train(training, test, size, settings);
    if (first_epoch == 0.0) first_epoch = result.epoch;
    std::printf("%10d %8g %10.3f %8.3f %9.0f ", static_cast<int>(size.B),
                settings.rate > 0.0 ? settings.rate : size.alpha, result.epoch, result.epoch / first_epoch,
                result.steps_per_second);
    std::isfinite(result.reached.loss)
        ? std::printf("%12.4f %9.2f %%\n", result.reached.loss, 100.0 * result.reached.accuracy)
        : std::printf("%12s\n", "diverged");
    std::fflush(stdout);
    plot.line(rv::tensor(result.times, rv::f64), rv::tensor(result.losses, rv::f64), "B = " + std::to_string(size.B));
  }
  if (!settings.pictures.empty()) {
    plot.save(settings.pictures + "/batch_size.svg");
    std::printf("\nThe picture batch_size.svg is in %s.\n", settings.pictures.c_str());
  }
}

int main(int argc, char** argv) {
  Settings settings;
  bool quick = false;
  CLI::App app("Compares sizes of mini-batches: the time of an epoch, and what is learned in equal time.");
  app.option_defaults()->always_capture_default();
  CLI::Option* images = app.add_option("--images", settings.images, "IDX file of images; without it they are made up");
  CLI::Option* labels = app.add_option("--labels", settings.labels, "IDX file of their classes, 0 to 9");
  images->needs(labels);
  labels->needs(images);
  app.add_option("--examples", settings.examples, "images to learn from; the others are for the test")
      ->check(CLI::Range(10, 10000000));
  app.add_option("--seconds", settings.seconds, "of training with each batch size")->check(CLI::Range(0.001, 1e6));
  app.add_option("--rate", settings.rate, "learning rate; 0: a good one for each batch size")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--seed", settings.seed, "of all random numbers");
  app.add_option("--pictures", settings.pictures, "draw batch_size.svg into this folder");
  app.add_flag("--quick", quick, "little of everything: 200 images, a twentieth of a second");
  try {
    app.parse(argc, argv);
    if (quick) settings.examples = 200, settings.seconds = 0.05;
    run(settings);
    return 0;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "batch_size: %s\n", error.what());
    return 1;
  }
}
