// Everything that has a state goes on, from a file, in the middle of a run, as if there had been no break.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <ravine/ravine.hpp>

#include "../data/temporary.hpp"
#include "../same_bits.hpp"

using namespace ravine;
using train::load_checkpoint;
using train::save_checkpoint;

namespace {

/// Rows of numbers, made with noise whenever they are asked for.
struct Noisy {
  Index size() const { return 40; }
  data::Example get(Index i) const {
    const Tensor x = randn({4}) + static_cast<double>(i) / 20.0;
    return {x, sum(x * x, 0, true)};
  }
};

/// A run whose objects all have states that change with every step.
struct Run {
  nn::Sequential model{nn::Linear(4, 8), nn::BatchNorm1d(8), nn::Tanh(),      nn::LayerNorm(8),
                       nn::RMSNorm(8),   nn::Dropout(0.2),   nn::Linear(8, 1)};
  std::unique_ptr<optim::Optimizer> optimizer;
  optim::ExponentialMovingAverage average{model.parameters(), 0.9};
  data::DataLoader loader;
  Generator noise{5};

  Run(const std::string& how, Index prefetch)
      : optimizer(optim::make(how, model.parameters())),
        loader(Noisy(),
               {.batch_size = 8, .prefetch = prefetch, .sampler = data::weighted_sampler(arange(40, f64), 30)}) {}

  void run_until(Index steps) {
    while (optimizer->steps() < steps)
      for (const auto& [x, y] : loader) {
        optimizer->set_lr_factor(1.0 / static_cast<double>(1 + optimizer->steps()));
        const Tensor noisy = x + 0.01 * randn(x.shape(), noise);
        optimizer->step([&, &y = y] { return nn::mse_loss(model(noisy), y); });
        average.update();
        if (optimizer->steps() == steps) return;
      }
  }
  void save(const std::string& path) const { save_checkpoint(path, model, *optimizer, average, loader, noise); }
  void load(const std::string& path) { load_checkpoint(path, model, *optimizer, average, loader, noise); }
  bool operator==(const Run& other) const {
    return same_bits(model.state_dict(), other.model.state_dict()) &&
           same_bits(optimizer->state_dict(), other.optimizer->state_dict()) &&
           same_bits(average.state_dict(), other.average.state_dict()) &&
           same_bits(loader.state_dict(), other.loader.state_dict()) &&
           same_bits(noise.state_dict(), other.noise.state_dict());
  }
};

/// The names of all optimizers, and some with options that change what they keep.
std::vector<std::string> ways() {
  std::vector<std::string> all = optim::names();
  for (const char* more : {"sgd:momentum=0.9", "sgd:momentum=0.9,nesterov=lookahead", "sam(adam:lr=0.01)"})
    all.emplace_back(more);
  return all;
}

}  // namespace

TEST_CASE("a run with any optimizer goes on from its file to the same bits") {
  for (const std::string& how : ways()) {
    CAPTURE(how);
    manual_seed(3);
    Run straight(how, 0);
    straight.run_until(9);
    const StateDict random = default_generator().state_dict();
    for (const Index saved : {0, 2, 4, 5}) {  // 4 batches make an epoch
      CAPTURE(saved);
      const TemporaryFile file("run.safetensors");
      manual_seed(3);
      Run first(how, 2);
      first.run_until(saved);
      first.save(file.path());
      manual_seed(999);
      Run second(how, 1);
      second.load(file.path());
      CHECK(second == first);
      second.run_until(9);
      CHECK(second == straight);
      CHECK(same_bits(random, default_generator().state_dict()));
    }
  }
}

TEST_CASE("options come back with their optimizer") {
  const TemporaryFile file("run.safetensors");
  Run first("adam:lr=0.5,beta1=0.3", 0), second("adam", 0);
  first.save(file.path());
  second.load(file.path());
  CHECK(second.optimizer->describe() == first.optimizer->describe());
}

TEST_CASE("scalers and encoders come back, fitted or not") {
  const TemporaryFile file("prepared.safetensors"),
      csv("cars.csv", "mpg,weight,origin\n18,3500,USA\n31,,Japan\n24,2400,USA\n");
  const data::Table table = data::read_csv(csv.path());
  const Tensor rows = randn({9, 3});
  const auto standard = data::StandardScaler::fit(rows);
  const auto min_max = data::MinMaxScaler::fit(rows);
  const auto encoder = data::TableEncoder::fit(table, {.target = "mpg"});
  save_checkpoint(file.path(), standard, min_max, encoder);

  data::StandardScaler other_standard;
  auto other_min_max = data::MinMaxScaler::fit(rows * 7.0);
  data::TableEncoder other_encoder;
  load_checkpoint(file.path(), other_standard, other_min_max, other_encoder);
  CHECK(bitwise_equal(other_standard.transform(rows), standard.transform(rows)));
  CHECK(bitwise_equal(other_min_max.transform(rows), min_max.transform(rows)));
  CHECK(bitwise_equal(other_encoder.inputs(table), encoder.inputs(table)));
  CHECK(other_encoder.describe() == encoder.describe());

  // Without strict an object that takes its state as it is gets it whole, though it had none before.
  data::StandardScaler third;
  data::MinMaxScaler narrow = data::MinMaxScaler::fit(randn({5, 2}));
  data::TableEncoder third_encoder;
  const auto left_out = load_checkpoint(file.path(), {.strict = false}, third, narrow, third_encoder);
  CHECK(left_out ==
        std::vector<std::string>{"1/min is (3) f64, expected (2) f64", "1/scale is (3) f64, expected (2) f64"});
  CHECK(bitwise_equal(third.transform(rows), standard.transform(rows)));
  CHECK(bitwise_equal(third_encoder.inputs(table), encoder.inputs(table)));
}

TEST_CASE("no class with a state is forgotten here") {
  std::set<std::string> found;
  for (const auto& file : std::filesystem::recursive_directory_iterator(RAVINE_SOURCE)) {
    const std::string path = std::filesystem::relative(file.path(), RAVINE_SOURCE).string();
    if (!path.ends_with(".hpp") || !std::regex_search(path, std::regex("^(core|autograd|nn|optim|data|report|train)/")))
      continue;
    std::ifstream in(file.path());
    const std::string content(std::istreambuf_iterator<char>(in), {});
    if (content.find(" StateDict state_dict() const") != std::string::npos) found.insert(path);
  }
  CHECK(found == std::set<std::string>{"core/random.hpp", "data/encoder.hpp", "data/loader.hpp", "data/scaler.hpp",
                                       "nn/module.hpp", "optim/ema.hpp", "optim/optimizer.hpp", "optim/schedule.hpp",
                                       "optim/wrapping.hpp", "train/history.hpp"});
}
