// Compares all optimizers: on Beale's function, and on a small network that learns two data sets. Each is tried with
// five learning rates, of which the best is shown. All see the same initial weights and the same order of examples.
#include <ravine/ravine.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace optim = rv::optim;
using rv::data::StandardScaler;
using rv::data::TensorDataset;
using Params = std::vector<rv::Variable>;

struct Settings {
  std::string cars = "examples/data/auto-mpg.csv", csv;
  int epochs = 40, seeds = 3, steps = 20000;
};

struct Method {
  const char* name;
  double rate;  // in the middle of those that are tried
  std::function<std::unique_ptr<optim::Optimizer>(const Params&, double rate)> make;
  bool full_batch = false;  // wants the loss of all examples in each step
};

const double infinity = std::numeric_limits<double>::infinity();
const double factors[] = {0.1, 0.3, 1.0, 3.0, 10.0};  // times a method's rate: the five that are tried

// An optimizer with these options and a rate.
template <class Optimizer, class Options>
auto with(Options options) {
  return [options](const Params& params, double rate) {
    Options all = options;
    all.lr = rate;
    return std::make_unique<Optimizer>(params, all);
  };
}

std::vector<Method> all_methods() {
  using namespace optim;
  // A small radius: SAM stays about as far from a minimum as it looks for higher losses.
  const auto sam = [](const Params& params, double rate) {
    return std::make_unique<SAM>(std::make_unique<SGD>(params, SGDOptions{.lr = rate}), SAMOptions{.rho = 0.01});
  };
  const auto velocity = MomentumForm::velocity;
  return {
      {"SGD", 0.03, with<SGD>(SGDOptions{})},
      {"momentum", 0.01, with<SGD>(SGDOptions{.momentum = 0.9})},
      {"momentum, velocity", 0.01, with<SGD>(SGDOptions{.momentum = 0.9, .form = velocity})},
      {"Nesterov, look-ahead", 0.01, with<SGD>(SGDOptions{.momentum = 0.9, .nesterov = Nesterov::lookahead})},
      {"Nesterov, reparam", 0.01, with<SGD>(SGDOptions{.momentum = 0.9, .nesterov = Nesterov::reparam})},
      {"AdaGrad", 0.1, with<AdaGrad>(AdaGradOptions{})},
      {"RMSProp", 0.003, with<RMSProp>(RMSPropOptions{})},
      {"AdaDelta", 3.0, with<AdaDelta>(AdaDeltaOptions{})},
      {"Adam", 0.01, with<Adam>(AdamOptions{})},
      {"AdamW", 0.01, with<AdamW>(AdamWOptions{})},
      {"AdaBelief", 0.01, with<AdaBelief>(AdaBeliefOptions{})},
      {"NAdam", 0.01, with<NAdam>(NAdamOptions{})},
      {"Lion", 0.0013, with<Lion>(LionOptions{})},  // no number of such steps leads exactly to the minimum of Beale
      {"AdaHessian", 0.1, with<AdaHessian>(AdaHessianOptions{.samples = 4})},
      {"FactoredAdam", 0.003, with<FactoredAdam>(FactoredAdamOptions{})},
      {"SAM over SGD", 0.03, sam},
      {"L-BFGS", 1.0, with<LBFGS>(LBFGSOptions{.max_iterations = 1}), true},
  };
}

// The lines of the CSV file; without a name they go nowhere.
class Csv {
 public:
  explicit Csv(const std::string& name) {
    if (name.empty()) return;
    file_.open(name);
    if (!file_) throw std::runtime_error("cannot write " + name);
    file_ << "problem,optimizer,rate,seed,training_loss,test_loss\n";
  }
  void add(const std::string& problem, const Method& method, double rate, int seed, double training, double test) {
    file_ << problem << ",\"" << method.name << "\"," << rate << ',' << seed << ',' << training << ',' << test << '\n';
  }

 private:
  std::ofstream file_;
};

// A run on Beale's function that ends at a loss of 1e-6, or when the steps are used up, or far away.
struct Descent {
  double rate, loss, x, y;
  int steps, gradients = 0;

  bool reached() const { return loss <= 1e-6; }
  // Of two runs the one of lower cost is better.
  double cost() const { return reached() ? gradients : std::isfinite(loss) ? 1e9 + loss : infinity; }
};

Descent descend(const Method& method, double rate, int steps) {
  rv::manual_seed(1);  // for AdaHessian, which draws random numbers
  const rv::Variable theta = rv::parameter(rv::tensor({1.0, -0.5}, rv::f64));
  const auto optimizer = method.make({theta}, rate);
  Descent run{};
  run.rate = rate;
  do {
    optimizer->step([&] {
      ++run.gradients;
      return rv::landscapes::beale(theta);
    });
    run.loss = rv::landscapes::beale(theta.value()).item();
  } while (!run.reached() && run.loss < 1e6 && optimizer->steps() < steps);
  run.steps = static_cast<int>(optimizer->steps());
  run.x = theta.value().at({0});
  run.y = theta.value().at({1});
  return run;
}

void compare_on_beale(const Settings& settings, Csv& csv) {
  std::printf("From (1, -0.5) to a loss of 1e-6 on Beale's function, in at most %d steps (-: not reached)\n\n",
              settings.steps);
  std::printf("%-20s %8s %8s %10s %10s   %s\n", "", "rate", "steps", "gradients", "loss", "final point");
  for (const Method& method : all_methods()) {
    std::vector<Descent> runs;
    for (const double factor : factors) {
      runs.push_back(descend(method, factor * method.rate, settings.steps));
      csv.add("beale", method, runs.back().rate, 1, runs.back().loss, NAN);
    }
    const Descent& best =
        *std::min_element(runs.begin(), runs.end(), [](auto& a, auto& b) { return a.cost() < b.cost(); });
    std::printf("%-20s %8g ", method.name, best.rate);
    best.reached() ? std::printf("%8d %10d", best.steps, best.gradients) : std::printf("%8s %10s", "-", "-");
    std::printf(" %10.1e   (%.4f, %.4f)\n", best.loss, best.x, best.y);
  }
}

struct Problem {
  const char* name;
  TensorDataset training, test;  // inputs and targets of mean 0 and standard deviation 1: guessing the mean has loss 1
};

Problem standardised(const char* name, const TensorDataset& rows) {
  const auto [training, test] = rv::data::split(rows, 0.8);
  const auto inputs = StandardScaler::fit(training.inputs()), targets = StandardScaler::fit(training.targets());
  return {name,
          {inputs.transform(training.inputs()), targets.transform(training.targets())},
          {inputs.transform(test.inputs()), targets.transform(test.targets())}};
}

TensorDataset read_cars(const std::string& file) {
  return rv::data::read_csv(file).drop_column("name").drop_missing().one_hot("origin").to_dataset("mpg");
}

double loss_on(nn::Module& model, const TensorDataset& rows) {
  rv::NoGrad no_grad;
  return nn::mse_loss(model(rows.inputs()), rows.targets()).item();
}

// Of a training, which diverged if the losses are infinite.
struct Outcome {
  double training, test;
  double passes;  // over the training rows, forwards and backwards
};

// It counts as diverged if the loss becomes NaN or huge, or in the end is ten times that of guessing the mean.
Outcome train(const Method& method, double rate, const Problem& problem, int epochs, int seed) {
  rv::manual_seed(static_cast<std::uint64_t>(seed));
  nn::Sequential model{nn::Linear(problem.training.inputs().size(1), 16), nn::Tanh(), nn::Linear(16, 1)};
  const auto optimizer = method.make(model.parameters(), rate);
  rv::data::DataLoader loader(problem.training, {.batch_size = method.full_batch ? problem.training.size() : 32,
                                                 .shuffle = true,
                                                 .seed = static_cast<std::uint64_t>(seed)});
  double passes = 0.0;
  for (int epoch = 0; epoch < epochs; ++epoch)
    for (const auto& batch : loader) {
      const double loss = optimizer->step([&] {
        passes += static_cast<double>(batch.inputs.size(0)) / static_cast<double>(problem.training.size());
        return nn::mse_loss(model(batch.inputs), batch.targets);
      });
      if (!(loss < 1e6)) return {infinity, infinity, passes};
    }
  const double loss = loss_on(model, problem.training);
  return loss < 10.0 ? Outcome{loss, loss_on(model, problem.test), passes} : Outcome{infinity, infinity, passes};
}

struct Statistics {
  double mean, spread;  // the standard deviation

  Statistics(const std::vector<Outcome>& runs, double Outcome::*which) : mean(0.0), spread(0.0) {
    const auto n = static_cast<double>(runs.size());
    for (const Outcome& run : runs) mean += run.*which / n;
    for (const Outcome& run : runs) spread += std::pow(run.*which - mean, 2) / std::max(1.0, n - 1.0);
    spread = std::sqrt(spread);
  }
};

void compare_on(const Problem& problem, const Settings& settings, Csv& csv) {
  std::printf("\nA network of 16 hidden units on %s: %d epochs on %d rows, %d seeds; guessing the mean has loss 1\n\n",
              problem.name, settings.epochs, static_cast<int>(problem.training.size()), settings.seeds);
  std::printf("%-20s %8s   %-18s %-18s %6s   %s\n", "", "rate", "training loss", "test loss", "passes",
              "runs that diverged");
  for (const Method& method : all_methods()) {
    double best_rate = 0.0;
    std::vector<Outcome> best;
    int diverged = 0;
    for (const double factor : factors) {
      std::vector<Outcome> runs;
      for (int seed = 1; seed <= settings.seeds; ++seed) {
        runs.push_back(train(method, factor * method.rate, problem, settings.epochs, seed));
        csv.add(problem.name, method, factor * method.rate, seed, runs.back().training, runs.back().test);
        diverged += std::isinf(runs.back().training);
      }
      if (best.empty() || Statistics(runs, &Outcome::training).mean < Statistics(best, &Outcome::training).mean) {
        best_rate = factor * method.rate;
        best = runs;
      }
    }
    const Statistics training(best, &Outcome::training), test(best, &Outcome::test);
    std::printf("%-20s %8g   %.4f ± %.4f    %.4f ± %.4f   %6.1f   %d of %d\n", method.name, best_rate, training.mean,
                training.spread, test.mean, test.spread, Statistics(best, &Outcome::passes).mean, diverged,
                5 * settings.seeds);
    std::fflush(stdout);
  }
}

void run(const Settings& settings) {
  Csv csv(settings.csv);
  rv::manual_seed(1);
  const Problem friedman = standardised("friedman1", rv::data::friedman1(400));
  const Problem cars = standardised("cars", read_cars(settings.cars));
  compare_on_beale(settings, csv);
  compare_on(friedman, settings, csv);
  compare_on(cars, settings, csv);
  std::puts(
      "\nThe rate shown is the one of the lowest training loss; L-BFGS makes a step in each epoch, the others ten.");
  if (!settings.csv.empty()) std::printf("The losses of all runs are in %s.\n", settings.csv.c_str());
}

int main(int argc, char** argv) {
  Settings settings;
  bool quick = false;
  CLI::App app("Compares all optimizers on Beale's function and on a network that learns two data sets.");
  app.option_defaults()->always_capture_default();
  app.add_option("file", settings.cars, "the table of cars");
  app.add_option("--csv", settings.csv, "write the final losses of all runs to this file");
  app.add_option("--epochs", settings.epochs, "passes over the training rows")->check(CLI::Range(1, 1000000));
  app.add_option("--seeds", settings.seeds, "trainings of each network with each rate")->check(CLI::Range(1, 1000));
  app.add_flag("--quick", quick, "little of everything: 3 epochs, 1 seed, 1000 steps on Beale's function");
  try {
    app.parse(argc, argv);
    if (quick) settings.epochs = 3, settings.seeds = 1, settings.steps = 1000;
    run(settings);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const std::exception& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "optimizers: %s\n", error.what());
    return 1;
  }
}
