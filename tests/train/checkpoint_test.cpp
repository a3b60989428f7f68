// Checkpoints: going on bit by bit, all or nothing, and every damage refused.
#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <thread>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>
#include <ravine/train/checkpoint.hpp>

#include "../data/temporary.hpp"
#include "../same_bits.hpp"

using namespace ravine;
using doctest::Contains;
using train::load_checkpoint;
using train::save_checkpoint;

namespace {

data::TensorDataset toy() {
  Generator generator(5);
  const Tensor x = randn({50, 4}, f32, generator);
  return {x, sum(x * x, 1, true)};
}

/// Everything a run has a state of.
struct Training {
  nn::Sequential model{nn::Linear(4, 8), nn::BatchNorm1d(8), nn::ReLU(), nn::Dropout(0.2), nn::Linear(8, 1)};
  optim::Adam adam{model.parameters(), {.lr = 1e-2}};
  optim::ExponentialMovingAverage average{model.parameters(), 0.9};
  data::DataLoader loader{toy(), {.batch_size = 16, .shuffle = true}};

  void run_until(Index steps) {
    while (adam.steps() < steps)
      for (const auto& batch : loader) {
        adam.set_lr_factor(1.0 / static_cast<double>(1 + adam.steps()));
        adam.step([&] { return nn::mse_loss(model(batch.inputs), batch.targets); });
        average.update();
        if (adam.steps() == steps) return;
      }
  }
  void save(const std::string& path) const { save_checkpoint(path, model, adam, average, loader); }
  void load(const std::string& path) { load_checkpoint(path, model, adam, average, loader); }
};

bool same_bits(const Training& a, const Training& b) {
  return same_bits(a.model.state_dict(), b.model.state_dict()) && same_bits(a.adam.state_dict(), b.adam.state_dict()) &&
         same_bits(a.average.state_dict(), b.average.state_dict()) &&
         same_bits(a.loader.state_dict(), b.loader.state_dict());
}

}  // namespace

TEST_CASE("a run that was saved in the middle of an epoch goes on as if it had not been") {
  manual_seed(3);
  Training straight;
  straight.run_until(11);
  const StateDict random = default_generator().state_dict();

  for (const Index saved : {0, 2, 4, 6, 11}) {  // 4 batches make an epoch
    const TemporaryFile file("run.safetensors");
    manual_seed(3);
    Training first;
    first.run_until(saved);
    first.save(file.path());
    manual_seed(999);
    Training second;
    second.load(file.path());
    second.run_until(11);
    CHECK(same_bits(straight, second));
    CHECK(same_bits(random, default_generator().state_dict()));
  }
}

TEST_CASE("a flipped bit anywhere in the file, and a file cut off anywhere, are refused and change nothing") {
  nn::Linear model(1, 1);
  const TemporaryFile file("small.safetensors");
  save_checkpoint(file.path(), model);
  const std::string content = file.read();
  const StateDict before = model.state_dict();
  const StateDict random = default_generator().state_dict();
  const auto refused = [&](const std::string& damaged) {
    file.write(damaged);
    bool threw = false;
    try {
      load_checkpoint(file.path(), model);
    } catch (const data::FormatError& error) {
      threw = std::string(error.what()).find("small.safetensors") != std::string::npos;
    }
    return threw && same_bits(before, model.state_dict()) && same_bits(random, default_generator().state_dict());
  };
  for (std::size_t at = 0; at < content.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      CAPTURE(at);
      CAPTURE(bit);
      CHECK(refused(damaged));
    }
  for (std::size_t length = 0; length < content.size(); ++length) CHECK(refused(content.substr(0, length)));
  CHECK(refused(content + '\0'));
  file.write(content);
  CHECK_NOTHROW(load_checkpoint(file.path(), model));
}

TEST_CASE("a checkpoint of other objects is refused by name, and everything stays as it was") {
  const TemporaryFile file("other.safetensors");
  Training saved;
  saved.run_until(3);
  saved.save(file.path());

  struct {
    data::StandardScaler scaler;
    nn::Sequential model{nn::Linear(4, 9), nn::BatchNorm1d(9), nn::ReLU(), nn::Dropout(0.2), nn::Linear(9, 1)};
  } wider;
  CHECK_THROWS_WITH_AS(load_checkpoint(file.path(), wider.model), Contains("holds 4 objects, asked for 1"),
                       std::invalid_argument);
  optim::Adam adam(wider.model.parameters());
  optim::ExponentialMovingAverage average(wider.model.parameters(), 0.9);
  const auto loading = [&] { load_checkpoint(file.path(), wider.model, adam, average, saved.loader); };
  CHECK_THROWS_WITH_AS(loading(), Contains("object 0: "), std::invalid_argument);
  CHECK_THROWS_WITH_AS(loading(), Contains("0.weight is (8, 4), expected (9, 4)"), std::invalid_argument);

  // The first object fits, the second does not: the first has its own numbers back.
  Training other;
  optim::SGD sgd(other.model.parameters());
  const StateDict before = other.model.state_dict();
  CHECK_THROWS_WITH_AS(load_checkpoint(file.path(), other.model, sgd, other.average, other.loader),
                       Contains("object 1: SGD: "), std::invalid_argument);
  CHECK(same_bits(before, other.model.state_dict()));

  // So has one that had none.
  const TemporaryFile scaled("scaled.safetensors");
  save_checkpoint(scaled.path(), data::StandardScaler::fit(toy().inputs()), saved.model);
  CHECK_THROWS_AS(load_checkpoint(scaled.path(), wider.scaler, wider.model), std::invalid_argument);
  CHECK_THROWS_WITH_AS(wider.scaler.transform(toy().inputs()), Contains("before fit"), std::logic_error);
}

TEST_CASE("an object that changes before it refuses is put back, as are those before it") {
  struct Careless {
    double value;
    bool refuses;
    StateDict state_dict() const { return {{"value", scalar(value, f64)}}; }
    void load_state_dict(const StateDict& state) {
      value = state.at("value").item();
      if (refuses && value == 2.0) throw std::invalid_argument("two is too much");
    }
  };
  const TemporaryFile file("careless.safetensors");
  save_checkpoint(file.path(), Careless{5.0, false}, Careless{2.0, false});
  Careless first{1.0, false}, second{1.0, true};
  CHECK_THROWS_WITH_AS(load_checkpoint(file.path(), first, second), Contains("object 1: two is too much"),
                       std::invalid_argument);
  CHECK(first.value == 1.0);
  CHECK(second.value == 1.0);
}

TEST_CASE("without strict, what fits is loaded and the rest is listed") {
  const TemporaryFile file("part.safetensors");
  const nn::Sequential saved{nn::Linear(2, 3), nn::Tanh(), nn::Linear(3, 1)};
  save_checkpoint(file.path(), saved);
  nn::Sequential model{nn::Linear(2, 3), nn::Tanh(), nn::Linear(3, 2), nn::BatchNorm1d(2)};
  const StateDict before = model.state_dict();
  const std::vector<std::string> left_out = load_checkpoint(file.path(), {.strict = false}, model);
  CHECK(left_out == std::vector<std::string>{"0/2.bias is (1) f32, expected (2) f32",
                                             "0/2.weight is (1, 3) f32, expected (2, 3) f32", "0/3.bias: missing",
                                             "0/3.running_mean: missing", "0/3.running_var: missing",
                                             "0/3.weight: missing"});
  CHECK(bitwise_equal(model.state_dict().at("0.weight"), saved.state_dict().at("0.weight")));
  CHECK(bitwise_equal(model.state_dict().at("2.weight"), before.at("2.weight")));
  nn::Linear small(2, 3);
  CHECK(load_checkpoint(file.path(), {.strict = false}, small).size() == 6);
  CHECK_THROWS_AS(load_checkpoint(file.path(), {.strict = true}, model), std::invalid_argument);
}

TEST_CASE("without strict, an object that takes nothing stays as it was, with its loops, and the others are loaded") {
  const TemporaryFile file("part.safetensors");
  const data::TensorDataset rows(randn({12, 2}), randn({12, 1}));
  nn::Linear saved(2, 1), model(2, 1);
  data::DataLoader loader(rows, {.batch_size = 4, .shuffle = true});
  save_checkpoint(file.path(), loader, saved);
  data::DataLoader smaller(rows, {.batch_size = 3, .shuffle = true});
  auto batch = smaller.begin();
  const StateDict before = smaller.state_dict();
  CHECK(load_checkpoint(file.path(), {.strict = false}, smaller, model) ==
        std::vector<std::string>{"0/: DataLoader: the state is that of a loader with batch_size 4, this one has 3"});
  CHECK(same_bits(smaller.state_dict(), before));
  CHECK(same_bits(model.state_dict(), saved.state_dict()));
  ++batch;
  CHECK(smaller.state_dict().at("position").item<Index>() == 2);
}

TEST_CASE("a model alone is loaded from a training's file, and more than it holds is listed") {
  const TemporaryFile file("training.safetensors");
  nn::Linear saved(2, 1), model(2, 1), other(2, 1);
  const StateDict of_other = other.state_dict();
  optim::SGD sgd(saved.parameters());
  save_checkpoint(file.path(), saved, sgd);
  const StateDict random = default_generator().state_dict();
  manual_seed(77);
  const auto rest = load_checkpoint(file.path(), {.strict = false}, model);
  CHECK(same_bits(model.state_dict(), saved.state_dict()));
  CHECK(same_bits(default_generator().state_dict(), random));
  CHECK(rest.size() == sgd.state_dict().size());
  CHECK(rest.back() == "1/steps: unexpected");
  CHECK_THROWS_WITH_AS(load_checkpoint(file.path(), model), Contains("holds 2 objects, asked for 1"),
                       std::invalid_argument);
  CHECK(load_checkpoint(file.path(), {.strict = false}, model, sgd, other) ==
        std::vector<std::string>{"2/bias: missing", "2/weight: missing"});
  CHECK(same_bits(other.state_dict(), of_other));
}

TEST_CASE("an object of one's own that asks its state for a name which is not there is refused as any other") {
  struct Temperature {
    Tensor value = ones({});
    StateDict state_dict() const { return {{"value", value.clone()}}; }
    void load_state_dict(const StateDict& state) { value = state.at("value").clone(); }
  };
  const TemporaryFile file("own.safetensors");
  nn::Linear saved(2, 1), model(2, 1);
  Temperature temperature;
  save_checkpoint(file.path(), saved, saved);
  const StateDict before = model.state_dict();
  CHECK_THROWS_WITH_AS(load_checkpoint(file.path(), model, temperature),
                       Contains("; does it ask for a name that the file has not?"), std::invalid_argument);
  CHECK(same_bits(model.state_dict(), before));
  CHECK(load_checkpoint(file.path(), {.strict = false}, model, temperature) ==
        std::vector<std::string>{"1/value: missing", "1/bias: unexpected", "1/weight: unexpected"});
  CHECK(same_bits(model.state_dict(), saved.state_dict()));
  CHECK(temperature.value.item() == 1.0);
}

TEST_CASE("other files are refused as what they are") {
  nn::Linear model(1, 1);
  const TemporaryFile file("plain.safetensors");
  data::save_safetensors(file.path(), model.state_dict());
  CHECK_THROWS_WITH_AS(load_checkpoint(file.path(), model), Contains("a safetensors file, but no checkpoint"),
                       data::FormatError);
  data::save_safetensors(file.path(), model.state_dict(), {{"ravine checkpoint", "2"}});
  CHECK_THROWS_WITH_AS(load_checkpoint(file.path(), model), Contains("of version 2, this ravine reads version 1"),
                       data::FormatError);
  CHECK_THROWS_AS(load_checkpoint("/no/such/file", model), data::FileError);
}

TEST_CASE("a checkpoint written by version 1 keeps loading") {
  nn::Sequential model{nn::Linear(2, 1)};
  optim::SGD sgd(model.parameters(), {.lr = 0.5, .momentum = 0.9});
  load_checkpoint(RAVINE_SOURCE "/tests/train/version_1.safetensors", model, sgd);
  CHECK(bitwise_equal(model.state_dict().at("0.weight"), tensor({{0.25, -1.5}})));
  CHECK(bitwise_equal(model.state_dict().at("0.bias"), tensor({3.0})));
  CHECK(sgd.steps() == 1);
  CHECK(default_generator().seed() == 12);
}

TEST_CASE("a whole run that version 1 kept goes on") {
  nn::Sequential model{nn::Linear(2, 3), nn::BatchNorm1d(3), nn::ReLU(), nn::Dropout(0.2), nn::Linear(3, 1)};
  optim::Adam adam(model.parameters());
  optim::ExponentialMovingAverage average(model.parameters(), 0.9);
  data::DataLoader loader({zeros({20, 2}), zeros({20, 1})}, {.batch_size = 4, .shuffle = true});
  data::StandardScaler scaler;
  load_checkpoint(RAVINE_SOURCE "/tests/train/version_1_run.safetensors", model, adam, average, loader, scaler);
  CHECK(adam.steps() == 7);
  CHECK(adam.describe().starts_with("Adam(lr=0.03,"));
  CHECK(bitwise_equal(model.state_dict().at("4.bias"), tensor({-0.13820649683475494})));
  CHECK(bitwise_equal(average.averages()[5], tensor({-0.26852506399154663})));
  CHECK(bitwise_equal(scaler.mean(), tensor({0.373467308934778, 0.1308965938165784}, f64)));
  CHECK(default_generator().position() == 27);
  Index batches = 0;
  for (const auto& batch : loader) batches += batch.inputs.size(0) == 4;
  CHECK(batches == 3);  // of five, two had been handed out
}

// By an optim/lbfgs.cpp of before there were relative tolerances, which then made the losses below.
TEST_CASE("a checkpoint of an older L-BFGS goes on") {
  nn::Sequential model{nn::Linear(2, 2), nn::Tanh(), nn::Linear(2, 1)};
  model.to(f64);
  const Tensor x = tensor({{0.5, -1.0}, {1.5, 0.25}, {-0.75, 2.0}, {0.125, 0.5}}, f64);
  const Tensor y = tensor({{1.0}, {-0.5}, {0.25}, {2.0}}, f64);
  optim::LBFGS lbfgs(model.parameters(), {.history = 2, .max_iterations = 9});
  load_checkpoint(RAVINE_SOURCE "/tests/train/version_1_lbfgs.safetensors", model, lbfgs);
  CHECK(lbfgs.steps() == 2);
  CHECK(lbfgs.describe().find("max_iterations=2, max_evaluations=25, gradient_tolerance=1e-07, change_tolerance=1e-09, "
                              "relative_gradient_tolerance=0, relative_change_tolerance=0") != std::string::npos);
  for (const double loss : {0.83091737557056555, 0.76893969295504394, 0.51133042186093969, 0.35142517291914088})
    CHECK(lbfgs.step([&] { return nn::mse_loss(model(x), y); }) == doctest::Approx(loss).epsilon(1e-9));
}

TEST_CASE("a load that fails leaves a loader's loops, and graphs, as they were") {
  Training training;
  const TemporaryFile file("other.safetensors");
  const nn::Linear narrow(4, 7);
  save_checkpoint(file.path(), training.loader, narrow);
  nn::Linear wide(4, 8);
  const Variable loss = sum(square(training.model(toy().inputs())));
  const auto refused = [&] {
    CHECK_THROWS_AS(load_checkpoint("/no/such/file", training.model, training.loader), data::FileError);
    CHECK_THROWS_AS(load_checkpoint(file.path(), training.loader, wide), std::invalid_argument);
  };
  Index batches = 0;
  for (const auto& batch : training.loader) {
    if (++batches == 2) refused();
    CHECK(training.loader.state_dict().at("position").item<Index>() == batches);
    CHECK(batch.inputs.size(0) > 0);
  }
  CHECK(batches == 4);
  for (const auto& batch : training.loader)
    if (batch.inputs.defined()) break;
  refused();
  batches = 0;
  for (const auto& batch : training.loader) batches += batch.inputs.defined();
  CHECK(batches == 4);  // what was left early is over
  CHECK_NOTHROW(loss.backward());
}

TEST_CASE("a checkpoint that is written anew while it is loaded is the old one or the new one") {
  const TemporaryFile file("moving.safetensors");
  nn::Linear writer(8, 8), reader(8, 8);
  save_checkpoint(file.path(), writer);
  std::atomic<bool> stop = false;
  std::thread saving([&] {
    for (double i = 0.0; !stop; ++i) {
      writer.weight.set_value(full({8, 8}, i));
      save_checkpoint(file.path(), writer);
    }
  });
  int refused = 0;
  for (int i = 0; i < 500; ++i) try {
      load_checkpoint(file.path(), reader);
    } catch (const data::FormatError&) {
      ++refused;
    }
  stop = true;
  saving.join();
  CHECK(refused == 0);
}
