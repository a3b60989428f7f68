// The training loop: the bits of one written by hand, through any interruption.
#include <doctest/doctest.h>

#include <signal.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>

#include <ravine/autograd/autograd.hpp>
#include <ravine/core/core.hpp>
#include <ravine/data/data.hpp>
#include <ravine/nn/nn.hpp>
#include <ravine/optim/optim.hpp>
#include <ravine/train/train.hpp>

#include "../data/temporary.hpp"
#include "../same_bits.hpp"

using namespace ravine;
using doctest::Approx;
using doctest::Contains;
using train::fit;
using train::FitOptions;
using train::FitResult;
using train::History;
using train::Run;
using train::Stopped;

namespace {

data::TensorDataset examples(Index n, std::uint64_t seed) {
  Generator generator(seed);
  const Tensor x = randn({n, 4}, f32, generator);
  return {x, sum(x * x, 1, true)};
}

nn::Sequential net() { return {nn::Linear(4, 8), nn::BatchNorm1d(8), nn::ReLU(), nn::Dropout(0.2), nn::Linear(8, 1)}; }

bool same_bits(const FitResult& a, const FitResult& b) {
  if (a.names() != b.names() || a.best_epoch != b.best_epoch) return false;
  for (const std::string& name : a.names())
    if (!bitwise_equal(a.column(name), b.column(name))) return false;
  return true;
}

std::vector<double> numbers(const History& history, const std::string& name) {
  return history.column(name).to_vector<double>();
}

/// Calls what it was given.
struct Hooks final : train::Callback {
  std::function<void(Run&)> begin, step, epoch, end;
  void on_begin(Run& run) override { call(begin, run); }
  void on_step(Run& run) override { call(step, run); }
  void on_epoch(Run& run) override { call(epoch, run); }
  void on_end(Run& run) override { call(end, run); }
  static void call(const std::function<void(Run&)>& f, Run& run) {
    if (f) f(run);
  }
};

/// A run with everything that has a state: 4 batches make an epoch.
struct Training {
  nn::Sequential model = (manual_seed(3), net());
  optim::Adam adam{model.parameters(), {.lr = 1e-2}};
  optim::ExponentialMovingAverage average{model.parameters(), 0.9};
  data::DataLoader loader{examples(50, 5), {.batch_size = 16, .shuffle = true}};
  data::DataLoader validation{examples(30, 6), {.batch_size = 7, .shuffle = true}};
  FitOptions options{.validation = &validation,
                     .metrics = {{"mae", nn::l1_loss}},
                     .schedule = optim::inverse_time(0.1),
                     .average = &average};

  Training() {
    adam.on_gradients([](const auto& params) { optim::clip_grad_norm(params, 0.5); });
  }
  FitResult run() { return fit(model, adam, nn::mse_loss, loader, options); }
  StateDict state() const {
    StateDict all = model.state_dict();
    for (const auto& part : {adam.state_dict(), average.state_dict(), loader.state_dict(), validation.state_dict(),
                             default_generator().state_dict()})
      for (const auto& [name, value] : part) all[std::to_string(all.size()) + name] = value;
    return all;
  }
};

}  // namespace

TEST_CASE("fit is the loop that one would write, to the bit") {
  Training by_hand;
  std::vector<double> losses, errors;
  for (int epoch = 0; epoch < 3; ++epoch) {
    double sum = 0.0;
    for (const auto& [x, y] : by_hand.loader) {
      by_hand.adam.set_lr_factor(1.0 / (1.0 + 0.1 * static_cast<double>(by_hand.adam.steps())));
      const Variable loss = nn::mse_loss(by_hand.model(x), y);
      by_hand.adam.zero_grad();
      loss.backward();
      by_hand.adam.step();
      by_hand.average.update();
      sum += loss.item() * static_cast<double>(x.size(0));
    }
    losses.push_back(sum / 50.0);
    const NoGrad no_grad;
    const optim::UseAverages use(by_hand.average);
    by_hand.model.eval();
    Index count = 0;
    for (const auto& batch : by_hand.validation) count += batch.inputs.size(0);
    CHECK(count == 30);
    const auto all = examples(30, 6);
    errors.push_back(nn::l1_loss(by_hand.model(all.inputs()), all.targets()).item());
    by_hand.model.train();
  }
  const StateDict expected = by_hand.state();

  Training other;
  other.options.epochs = 3;
  other.options.keep_best = false;
  const FitResult history = other.run();
  CHECK(same_bits(other.state(), expected));
  CHECK(history.names() == std::vector<std::string>{"epoch", "step", "loss", "mae", "val_loss", "val_mae"});
  CHECK(numbers(history, "epoch") == std::vector<double>{1, 2, 3});
  CHECK(numbers(history, "step") == std::vector<double>{4, 8, 12});
  CHECK(numbers(history, "loss") == losses);
  for (Index i = 0; i < 3; ++i) {
    const double error = history.row(i)[5];
    CHECK(error == Approx(errors[static_cast<std::size_t>(i)]).epsilon(1e-6));  // another order of the same rows
  }
  CHECK(history.stopped == Stopped::finished);
  CHECK(history.table().column_names() == history.names());
  CHECK(history.table().rows() == 3);
  CHECK_THROWS_WITH_AS(history.column("val"), Contains("no 'val', there are epoch, step, loss, mae, val_loss, val_mae"),
                       std::out_of_range);
}

TEST_CASE("fit serves optimizers that evaluate the loss where they want") {
  using Make = std::function<std::unique_ptr<optim::Optimizer>(std::vector<Variable>)>;
  const std::vector<Make> makers = {
      [](auto p) {
        return std::make_unique<optim::SGD>(
            p, optim::SGDOptions{.lr = 0.01, .momentum = 0.9, .nesterov = optim::Nesterov::lookahead});
      },
      [](auto p) { return std::make_unique<optim::SAM>(std::make_unique<optim::Adam>(p)); },
      [](auto p) { return std::make_unique<optim::AdaHessian>(p); },
      [](auto p) { return std::make_unique<optim::LBFGS>(p, optim::LBFGSOptions{.max_iterations = 3}); },
      [](auto p) { return std::make_unique<optim::Adam>(p); },
  };
  for (const Make& make : makers) {
    StateDict states[2];
    std::vector<double> losses;
    for (const bool by_hand : {true, false}) {
      manual_seed(8);
      nn::Sequential model = net();
      const auto optimizer = make(model.parameters());
      CAPTURE(optimizer->describe());
      data::DataLoader loader(examples(32, 5), {.batch_size = 16, .shuffle = true});
      Index measured = 0;
      if (by_hand) {
        for (int epoch = 0; epoch < 2; ++epoch)
          for (const auto& batch : loader)
            losses.push_back(optimizer->step([&] { return nn::mse_loss(model(batch.inputs), batch.targets); }));
      } else {
        const auto count = [&](const Variable&, const Tensor&) { return static_cast<double>(++measured); };
        Hooks hooks;
        std::size_t step = 0;
        hooks.step = [&](Run& run) { CHECK(run.loss == losses.at(step++)); };
        fit(model, *optimizer, nn::mse_loss, loader,
            {.epochs = 2, .metrics = {{"count", count}}, .callbacks = {&hooks}});
        CHECK(measured == 4);  // once a step, however often the loss is evaluated
      }
      states[by_hand] = model.state_dict();
      for (auto& [name, value] : optimizer->state_dict()) states[by_hand]["optimizer." + name] = value;
    }
    CHECK(same_bits(states[0], states[1]));
  }
}

TEST_CASE("batches that are accumulated make the update of one large batch") {
  for (const bool sam : {false, true}) {
    const auto train = [&](Index batch_size, Index accumulate) {
      manual_seed(4);
      nn::Sequential model{nn::Linear(4, 6), nn::Tanh(), nn::Linear(6, 1)};
      model.to(f64);
      std::unique_ptr<optim::Optimizer> optimizer = std::make_unique<optim::SGD>(model.parameters());
      if (sam) optimizer = std::make_unique<optim::SAM>(std::move(optimizer));
      const auto all = examples(47, 5);
      data::DataLoader loader({all.inputs().to(f64), all.targets().to(f64)}, {.batch_size = batch_size});
      const FitResult history = fit(model, *optimizer, nn::mse_loss, loader, {.epochs = 3, .accumulate = accumulate});
      std::vector<double> result = numbers(history, "loss");
      for (const auto& [name, value] : model.state_dict())
        for (const double x : value.to_vector<double>()) result.push_back(x);
      result.push_back(static_cast<double>(optimizer->steps()));
      return result;
    };
    const auto large = train(12, 1), small = train(4, 3);  // an epoch ends with batches of 4, 4 and 3
    REQUIRE(large.size() == small.size());
    for (std::size_t i = 0; i < large.size(); ++i) CHECK(small[i] == Approx(large[i]).epsilon(1e-12));
    CHECK(large.back() == 12.0);
  }
}

TEST_CASE("a run that was stopped anywhere goes on by the same call as if it had not been") {
  for (const bool first_is_best : {false, true}) {
    const auto prepare = [&](Training& training) {
      training.options.epochs = 4;
      training.options.patience = 2;
      training.options.maximize = first_is_best;
    };
    Training straight;
    prepare(straight);
    const FitResult whole = straight.run();
    const StateDict expected = straight.state();
    CHECK(whole.epochs() == (first_is_best ? 3 : 4));

    for (const Index stop : {0, 1, 3, 4, 5, 8, 11}) {
      const TemporaryFile file("run.safetensors");
      std::filesystem::remove(file.path());
      {
        Training first;
        prepare(first);
        first.options.checkpoint = file.path();
        first.options.stop_on_signals = true;
        Hooks hooks;
        hooks.begin = [&](Run&) { stop == 0 ? raise(SIGTERM) : 0; };
        hooks.step = [&](Run& run) { run.step == stop ? raise(SIGINT) : 0; };
        first.options.callbacks = {&hooks};
        const FitResult history = first.run();
        CHECK(history.stopped == Stopped::signal);
        CHECK(history.epochs() == stop / 4);
        CHECK(first.adam.steps() == stop);
      }
      Training second;
      manual_seed(999);
      prepare(second);
      second.options.checkpoint = file.path();
      CHECK(same_bits(second.run(), whole));
      CHECK(same_bits(second.state(), expected));
    }
  }
}

TEST_CASE("parameters that only the optimizer has, of a loss, are kept as the model's are") {
  struct Scaled {
    nn::Sequential model = (manual_seed(3), net());
    nn::Linear head{1, 1};
    optim::Adam adam{parameters(), {.lr = 0.3}};
    data::DataLoader loader{examples(50, 5), {.batch_size = 16, .shuffle = true}};
    data::DataLoader validation{examples(30, 6), {.batch_size = 30}};

    std::vector<Variable> parameters() const {
      auto all = head.parameters();
      for (const Variable& p : model.parameters()) all.push_back(p);
      return all;
    }
    FitResult run(const std::string& file, Index epochs) {
      const auto loss = [&](const Variable& y, const Tensor& t) { return nn::mse_loss(head(y), t); };
      return fit(model, adam, loss, loader, {.epochs = epochs, .validation = &validation, .checkpoint = file});
    }
  };
  Scaled straight;
  const FitResult whole = straight.run("", 12);
  CHECK(whole.best_epoch < 12);  // so that the best weights are not the last
  for (const Index epochs : {1, 11}) {
    const TemporaryFile file("run.safetensors");
    std::filesystem::remove(file.path());
    Scaled().run(file.path(), epochs);
    Scaled second;
    CHECK(same_bits(second.run(file.path(), 12), whole));
    CHECK(same_bits(second.head.state_dict(), straight.head.state_dict()));
    CHECK(same_bits(second.model.state_dict(), straight.model.state_dict()));
  }
  straight.model.eval();
  const data::TensorDataset rows = examples(30, 6);
  const double loss = nn::mse_loss(straight.head(straight.model(rows.inputs())), rows.targets()).item();
  CHECK(loss == Approx(numbers(whole, "val_loss")[static_cast<std::size_t>(whole.best_epoch) - 1]));
}

TEST_CASE("a checkpoint whose path cannot be looked at is refused as one that cannot be written") {
  Training training;
  training.options.epochs = 1;
  training.options.checkpoint = std::string(300, 'x');
  CHECK_THROWS_WITH_AS(training.run(), Contains("File name too long"), FileError);
}

TEST_CASE("a run that a callback ended by what it threw goes on from its last checkpoint") {
  Training straight;
  straight.options.epochs = 3;
  const FitResult whole = straight.run();
  const StateDict expected = straight.state();
  for (const Index every : {1, 2, 4}) {  // 4 updates make an epoch
    const TemporaryFile file("run.safetensors");
    std::filesystem::remove(file.path());
    Training first;
    first.options = straight.options;
    first.options.validation = &first.validation;
    first.options.average = &first.average;
    first.options.checkpoint = file.path();
    first.options.checkpoint_steps = every;
    Hooks hooks;
    hooks.step = [](Run& run) { run.step == 5 ? throw std::runtime_error("enough") : 0; };
    first.options.callbacks = {&hooks};
    CHECK_THROWS_WITH(first.run(), "enough");
    Training second;
    manual_seed(999);
    second.options.epochs = 3;
    second.options.checkpoint = file.path();
    CHECK(same_bits(second.run(), whole));
    CHECK(same_bits(second.state(), expected));
  }
}

TEST_CASE("a run that was over goes on with larger limits as if they had always been so large") {
  Training straight;
  straight.options.steps = 14;
  const FitResult whole = straight.run();
  CHECK(numbers(whole, "step") == std::vector<double>{4, 8, 12, 14});
  const StateDict expected = straight.state();

  const TemporaryFile file("run.safetensors");
  std::filesystem::remove(file.path());
  const std::filesystem::path path(file.path());
  const auto left = path.parent_path() / ("." + path.filename().string() + ".ravine-new");
  const Index limits[] = {6, 6, 8, 14, 14}, epochs_told[] = {2, 0, 1, 2, 0};  // of what is over nobody hears twice
  for (int i = 0; i < 5; ++i) {
    if (i == 4) std::filesystem::copy_file(path, left);  // as by who was killed in the last save
    const Index steps = limits[i];
    Training part;
    part.options.steps = steps;
    part.options.checkpoint = file.path();
    Index told = 0;
    Hooks hooks;
    hooks.epoch = [&](Run&) { ++told; };
    part.options.callbacks = {&hooks};
    const FitResult history = part.run();
    CHECK(history.epochs() == (steps + 3) / 4);
    CHECK(told == epochs_told[i]);
    CHECK(!std::filesystem::exists(left));
    if (steps == 14) {
      CHECK(same_bits(history, whole));
      CHECK(same_bits(part.state(), expected));
    }
  }
}

TEST_CASE("checkpoints are written after steps, and a file of another run is refused") {
  const TemporaryFile file("run.safetensors");
  std::filesystem::remove(file.path());
  Training training;
  training.options.epochs = 2;
  training.options.checkpoint = file.path();
  training.options.checkpoint_steps = 3;
  Hooks hooks;
  std::vector<Index> written;
  hooks.step = [&](Run& run) {
    if (std::filesystem::exists(file.path())) written.push_back(run.step - 1);
    std::filesystem::remove(file.path());
  };
  training.options.callbacks = {&hooks};
  training.run();
  CHECK(written == std::vector<Index>{0, 3, 6});  // the first one at the start
  CHECK(std::filesystem::exists(file.path()));    // at the end

  Training other;
  other.options.epochs = 2;
  other.options.checkpoint = file.path();
  other.options.metrics = {{"error", nn::l1_loss}};
  const StateDict before = other.state();
  CHECK_THROWS_WITH_AS(other.run(), Contains("fit: missing history.error, history.val_error"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(other.run(), Contains("unexpected history.mae, history.val_mae"), std::invalid_argument);
  other.options.metrics.clear();
  CHECK_THROWS_WITH_AS(other.run(), Contains("unexpected history.mae, history.val_mae, sum.mae"),
                       std::invalid_argument);
  CHECK(same_bits(other.state(), before));
}

TEST_CASE("signals do what they did before once fit is over") {
  static volatile sig_atomic_t own = 0;
  struct sigaction mine {
  }, before{};
  mine.sa_handler = [](int) { own = own + 1; };
  sigaction(SIGTERM, &mine, &before);
  Training training;
  training.options.epochs = 2;
  Hooks hooks;
  hooks.step = [](Run& run) { run.step == 2 ? raise(SIGTERM) : 0; };
  training.options.callbacks = {&hooks};
  CHECK(training.run().stopped == Stopped::finished);  // not asked for
  CHECK(own == 1);
  Training asked;
  asked.options = training.options;
  asked.options.validation = nullptr;
  asked.options.average = nullptr;
  asked.options.stop_on_signals = true;
  CHECK(asked.run().stopped == Stopped::signal);
  CHECK(asked.adam.steps() == 2);
  CHECK(own == 1);
  raise(SIGTERM);
  CHECK(own == 2);
  hooks.step = [](Run& run) {
    if (run.step != 2) return;
    raise(SIGINT);
    raise(SIGTERM);
  };
  CHECK(asked.run().stopped == Stopped::signal);
  CHECK(own == 3);  // the second one, of either kind, acts as before
  hooks.step = [](Run& run) {
    for (int i = 0; i < 2 && run.step == 2; ++i) raise(SIGHUP);
  };
  CHECK(asked.run().stopped == Stopped::signal);  // a terminal that closes sends several
  sigaction(SIGTERM, &before, nullptr);
}

TEST_CASE("a signal ends with the best model so far") {
  nn::Linear model(4, 1);
  optim::SGD sgd(model.parameters(), {.lr = 1e-3});
  data::DataLoader loader(examples(8, 1), {.batch_size = 4}), validation(examples(1, 1));
  double given = 0.0;
  std::vector<StateDict> states;
  Hooks hooks;
  hooks.epoch = [&](Run& run) { states.push_back(run.model.state_dict()); };
  hooks.step = [](Run& run) { run.step == 5 ? raise(SIGINT) : 0; };
  hooks.end = [&](Run& run) { CHECK(same_bits(run.model.state_dict(), states[0])); };
  const auto rising = [&](const Variable&, const Tensor&) { return given += 1.0; };
  const FitResult history = fit(model, sgd, nn::mse_loss, loader,
                                {.epochs = 9,
                                 .validation = &validation,
                                 .metrics = {{"given", rising}},
                                 .monitor = "val_given",
                                 .stop_on_signals = true,
                                 .callbacks = {&hooks}});
  CHECK(history.stopped == Stopped::signal);
  CHECK(history.epochs() == 2);
  CHECK(history.best_epoch == 1);
  CHECK(same_bits(model.state_dict(), states.at(0)));
}

TEST_CASE("the best epoch is kept, and patience ends") {
  // A validation loss that is given: 5, 3, 4, nan, 2.5, 6, 7, 2.5; of equals the first is the best.
  const std::vector<double> given = {5.0, 3.0, 4.0, std::nan(""), 2.5, 6.0, 7.0, 2.5};
  const auto run = [&](FitOptions options) {
    manual_seed(2);
    nn::Linear model(4, 1);
    optim::SGD sgd(model.parameters(), {.lr = 1e-3});
    data::DataLoader loader(examples(8, 1), {.batch_size = 4});
    data::DataLoader validation(examples(1, 1));
    std::size_t epoch = 0;
    std::vector<StateDict> states;
    Hooks hooks;
    hooks.epoch = [&](Run& r) { states.push_back(r.model.state_dict()); };
    options.callbacks = {&hooks};
    options.validation = &validation;
    options.metrics = {
        {"given", [&](const Variable&, const Tensor& t) { return t.size(0) == 1 ? given[epoch++] : 0.0; }}};
    const FitResult history = fit(model, sgd, nn::mse_loss, loader, options);
    std::size_t kept = 0;
    while (kept < states.size() && !same_bits(states[kept], model.state_dict())) ++kept;
    return std::pair(history, static_cast<Index>(kept) + 1);
  };
  {
    const auto result = run({.epochs = 8, .monitor = "val_given"});
    CHECK(result.first.best_epoch == 5);
    CHECK(result.second == 5);
    CHECK(result.first.stopped == Stopped::finished);
  }
  {
    const auto result = run({.epochs = 8, .monitor = "val_given", .keep_best = false});
    CHECK(result.first.best_epoch == 5);
    CHECK(result.second == 8);
  }
  {
    const auto result = run({.epochs = 8, .monitor = "val_given", .patience = 2});
    CHECK(result.first.epochs() == 4);
    CHECK(result.second == 2);
    CHECK(result.first.stopped == Stopped::patience);
  }
  {
    const auto result = run({.epochs = 8, .monitor = "val_given", .maximize = true, .patience = 5});
    CHECK(result.first.epochs() == 8);
    CHECK(result.first.best_epoch == 7);
    CHECK(result.second == 7);
  }
}

TEST_CASE("means count each example alike; in validation a metric sees all of them at once") {
  // y = 0 for targets 1, …, 5 in batches of 2, 2, 1.
  nn::Linear model(1, 1);
  model.weight.set_value(zeros({1, 1}));
  model.bias.set_value(zeros({1}));
  const Tensor t = reshape(arange(1, 6), {5, 1});
  optim::SGD sgd(model.parameters());
  data::DataLoader loader({t, t}, {.batch_size = 2}), validation({t, t}, {.batch_size = 2});
  const auto root = [](const Variable& y, const Tensor& target) { return std::sqrt(nn::mse_loss(y, target).item()); };
  const FitResult history = fit(model, sgd, nn::mse_loss, loader,
                                {.epochs = 1,
                                 .validation = &validation,
                                 .metrics = {{"rmse", root}, {"r2", nn::r2_score}},
                                 .schedule = [](Index) { return 0.0; }});
  CHECK(numbers(history, "loss")[0] == Approx(11.0));
  CHECK(numbers(history, "val_loss")[0] == Approx(11.0));
  CHECK(numbers(history, "rmse")[0] == Approx((2 * std::sqrt(2.5) + 2 * std::sqrt(12.5) + 5) / 5));
  CHECK(numbers(history, "val_rmse")[0] == Approx(std::sqrt(11.0)));
  CHECK(numbers(history, "val_r2")[0] == Approx(-4.5));
}

TEST_CASE("an optimizer of another model is refused, and a loader of parts") {
  Training training, other;
  training.options.epochs = other.options.epochs = 1;
  const std::string why = ": the optimizer has none of the model's parameters, which would stay as they are";
  const auto run = [&] { fit(training.model, other.adam, nn::mse_loss, training.loader, training.options); };
  CHECK_THROWS_WITH_AS(run(), ("fit" + why).c_str(), std::invalid_argument);
  CHECK_THROWS_WITH_AS(train::find_lr(training.model, other.adam, nn::mse_loss, training.loader),
                       ("find_lr" + why).c_str(), std::invalid_argument);
  training.options.average = &other.average;
  CHECK_THROWS_WITH_AS(fit(training.model, training.adam, nn::mse_loss, training.loader, training.options),
                       "fit: the average has none of the optimizer's parameters, and would stay as it is",
                       std::invalid_argument);
  data::DataLoaderOptions options = training.loader.options();
  options.part = [](Index rows) { return std::pair<Index, Index>(0, rows); };
  data::DataLoader part(training.loader.dataset(), options);
  CHECK_THROWS_WITH_AS(fit(training.model, training.adam, nn::mse_loss, part, {.steps = 1}),
                       Contains("fit: the loader makes a part of each batch only"), std::invalid_argument);
  // One of them is enough, and a model that learns nothing has none to ask for.
  optim::Adam last({other.model.parameters()[0], training.model.parameters()[5]});
  CHECK_NOTHROW(fit(training.model, last, nn::mse_loss, training.loader, {.steps = 1}));
  for (Variable p : training.model.parameters()) p.set_requires_grad(false);
  const Variable scale = other.model.parameters()[0];
  const auto scaled = [&](const Variable& y, const Tensor& t) { return nn::mse_loss(y * mean(scale), t); };
  CHECK_NOTHROW(fit(training.model, other.adam, scaled, training.loader, {.steps = 1}));
}

TEST_CASE("a loss that is not finite ends the run with the step and what is to blame") {
  Training training;
  training.options.epochs = 5;
  training.options.keep_best = false;
  const auto broken = [&](const train::Loss& loss) {
    try {
      fit(training.model, training.adam, loss, training.loader, training.options);
    } catch (const AnomalyError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  training.options.schedule = {};
  StateDict before;
  Generator random;
  Hooks hooks;
  hooks.step = [&](Run& run) {
    if (run.step != 5) return;
    before = training.model.state_dict();
    random = default_generator();
  };
  training.options.callbacks = {&hooks};
  const auto later = [&](const Variable& y, const Tensor& t) {
    return training.adam.steps() == 5 ? mean(log(y - y)) : nn::mse_loss(y, t);
  };
  CHECK(broken(later) == "fit: step 6: the loss is -inf: log: first infinity at (0, 0) of its result of shape (16, 1)");
  CHECK(training.adam.steps() == 5);
  CHECK(same_bits(before, training.model.state_dict()));
  CHECK(same_bits(random.state_dict(), default_generator().state_dict()));

  // An op inside of the model; what is not recorded; parameters; data.
  nn::Sequential model{nn::Linear(4, 1), nn::Sequential{nn::Softplus()}};
  optim::SGD sgd(model.parameters());
  const auto failing = [&](const Tensor& x, const train::Loss& loss, Index accumulate = 1) {
    data::DataLoader loader({x, ones({x.size(0), 1})}, {.batch_size = 2});
    try {
      fit(model, sgd, loss, loader, {.epochs = 1, .accumulate = accumulate});
    } catch (const AnomalyError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  Tensor x = ones({4, 4});
  const auto outside = [](const Variable& y, const Tensor&) {
    return sum(y) * Variable(scalar(std::numeric_limits<double>::quiet_NaN()));
  };
  CHECK(failing(x, outside) == "fit: step 1: the loss is nan: mul: first nan at () of its result of shape ()");
  const auto constant = [](const Variable&, const Tensor&) {
    return Variable(scalar(std::numeric_limits<double>::quiet_NaN()));
  };
  CHECK(
      failing(x, constant) ==
      "fit: step 1: the loss is nan: repeated under DetectAnomaly, backward: the value depends on no parameter, or was "
      "computed without recording");
  x.set({2, 3}, std::nan(""));
  CHECK(failing(x, nn::mse_loss, 2) == "fit: step 1: the batch's inputs hold NaN or infinity");
  CHECK(sgd.steps() == 0);
  CHECK(failing(x, nn::mse_loss) == "fit: step 2: the batch's inputs hold NaN or infinity");
  model.parameters()[1].set_value(full({1}, std::numeric_limits<double>::infinity()));
  CHECK(failing(ones({4, 4}), nn::mse_loss) == "fit: before the first step, 0.bias holds infinity");
  model.parameters()[1].set_value(full({1}, 3e38));
  CHECK(failing(ones({4, 4}), nn::mse_loss) != "no error");
}

TEST_CASE("a gradient that is not finite ends the run before its step, with the parameter and the op") {
  const TemporaryFile file("run.safetensors");
  std::filesystem::remove(file.path());
  for (const Index accumulate : {1, 2}) {
    Training training;
    training.options.epochs = 3;
    training.options.keep_best = false;
    training.options.accumulate = accumulate;
    training.options.checkpoint = file.path();
    training.options.checkpoint_steps = 1;
    const auto kept = [](Training& t) {
      StateDict all = t.model.state_dict();
      for (const auto& part : {t.average.state_dict(), default_generator().state_dict()})
        all.insert(part.begin(), part.end());
      all["m"] = t.adam.state_dict().at("0.m");
      return all;
    };
    Hooks hooks;
    StateDict before;
    hooks.step = [&](Run& run) {
      if (run.step == 3) before = kept(training);
    };
    training.options.callbacks = {&hooks};
    const auto broken = [&](const Variable& y, const Tensor& t) {  // the loss is finite, the gradient 0 times infinity
      const Variable loss = nn::mse_loss(y, t);
      return training.adam.steps() == 3 ? loss + sum(sqrt(square(training.model.parameters()[1]) * 0.0)) : loss;
    };
    CHECK_THROWS_WITH_AS(fit(training.model, training.adam, broken, training.loader, training.options),
                         "fit: step 4: the gradient of 0.weight holds nan: gradient, in the gradient of sqrt: first "
                         "infinity at (0) of its result of shape (8)",
                         AnomalyError);
    CHECK(training.adam.steps() == 3);
    CHECK(same_bits(kept(training), before));
    Training resumed;  // of the state after step 3
    resumed.options = training.options;
    resumed.options.callbacks = {};
    resumed.options.validation = &resumed.validation;
    resumed.options.average = &resumed.average;
    CHECK(resumed.run().epochs() == 3);
    std::filesystem::remove(file.path());
  }
}

TEST_CASE("a run that an error ends leaves its best model, and goes on from its checkpoint as if there had been none") {
  Training straight;
  straight.options.epochs = 3;
  const FitResult whole = straight.run();
  const StateDict expected = straight.state();
  const TemporaryFile file("run.safetensors");
  for (const bool diverges : {true, false}) {
    std::filesystem::remove(file.path());
    Training training;
    training.options.epochs = 3;
    training.options.checkpoint = file.path();
    training.options.checkpoint_steps = 1;
    StateDict best, last;
    Hooks hooks;
    hooks.epoch = [&](Run& run) {
      REQUIRE(run.epoch == 1);
      const optim::UseAverages use(training.average);
      best = training.model.state_dict();
    };
    hooks.step = [&](Run& run) {
      last = training.model.state_dict();
      if (run.step == 7 && !diverges) throw std::runtime_error("enough");
    };
    training.options.callbacks = {&hooks};
    const auto loss = [&](const Variable& y, const Tensor& t) {
      return nn::mse_loss(y, t) * (training.adam.steps() == 6 && diverges ? INFINITY : 1.0);
    };
    CHECK_THROWS_WITH(fit(training.model, training.adam, loss, training.loader, training.options),
                      Contains(diverges ? "fit: step 7: the loss is inf" : "enough"));
    CHECK(same_bits(training.model.state_dict(), best));
    CHECK(!same_bits(last, best));
    training.options.callbacks = {};
    CHECK(same_bits(training.run(), whole));
    CHECK(same_bits(training.state(), expected));
  }
}

TEST_CASE("a step that is too large for its type is found before anything is kept") {
  nn::Linear model(4, 1);
  optim::SGD sgd(model.parameters(), {.lr = 1e38});
  data::DataLoader loader(examples(4, 1), {.batch_size = 4});
  CHECK_THROWS_WITH_AS(fit(model, sgd, nn::mse_loss, loader, {.epochs = 1}), "fit: after step 1, weight holds infinity",
                       AnomalyError);
  nn::Linear other(4, 1);
  optim::SGD second(other.parameters(), {.lr = 1e38});
  data::DataLoader longer(examples(4, 1), {.batch_size = 2});
  CHECK_THROWS_WITH_AS(fit(other, second, nn::mse_loss, longer, {.epochs = 1}),
                       Contains("fit: step 2: the loss is nan: before the step, weight holds infinity"), AnomalyError);
}

TEST_CASE("what a step throws says the step where numbers are to blame, and nothing has moved") {
  manual_seed(1);
  nn::Sequential model{nn::BatchNorm1d(4), nn::Dropout(0.5), nn::Linear(4, 4), nn::BatchNorm1d(4), nn::Linear(4, 1)};
  optim::SGD sgd(model.parameters(), {.lr = 1e-3});
  data::DataLoader loader(examples(8, 1), {.batch_size = 4});
  StateDict before, random;
  Hooks hooks;
  hooks.step = [&](Run& run) {
    if (run.step != 3) return;
    model.parameters()[2].set_value(full({4, 4}, 1e25));
    before = model.state_dict();
    random = default_generator().state_dict();
  };
  CHECK_THROWS_WITH_AS(fit(model, sgd, nn::mse_loss, loader, {.steps = 5, .callbacks = {&hooks}}),
                       Contains("fit: step 4: BatchNorm1d: running_"), std::out_of_range);
  CHECK(same_bits(model.state_dict(), before));
  CHECK(same_bits(default_generator().state_dict(), random));
}

TEST_CASE("parts in evaluation stay so, a model in evaluation trains, and all is as it was in the end") {
  nn::Sequential model = net();
  optim::SGD sgd(model.parameters(), {.lr = 1e-3});
  data::DataLoader loader(examples(32, 5), {.batch_size = 16}), validation(examples(8, 5), {.batch_size = 8});
  const auto flags = [&] {
    std::string all;
    for (const auto& [name, child] : model.children()) all += child->training() ? 't' : 'e';
    return all + (model.training() ? 't' : 'e');
  };
  std::string inside;
  Hooks hooks;
  hooks.step = hooks.epoch = [&](Run&) { inside += flags() + " "; };
  const FitOptions options{.epochs = 1, .validation = &validation, .callbacks = {&hooks}};
  model[1].eval();
  fit(model, sgd, nn::mse_loss, loader, options);
  CHECK(inside == "tetttt tetttt tetttt ");
  CHECK(flags() == "tetttt");
  model.eval();
  inside.clear();
  fit(model, sgd, nn::mse_loss, loader, options);
  CHECK(inside == "tttttt tttttt tttttt ");
  CHECK(flags() == "eeeeee");
}

TEST_CASE("losses come with options, as functions, as lambdas; classes are counted") {
  nn::Linear model(4, 3);
  optim::SGD sgd(model.parameters());
  const Tensor x = examples(9, 3).inputs(), classes = tensor({0, 1, 2, 0, 1, 2, 0, 1, 2}, i64);
  data::DataLoader loader({x, classes}, {.batch_size = 4});
  const FitResult history = fit(model, sgd, {nn::cross_entropy, {.label_smoothing = 0.1}}, loader,
                                {.epochs = 2, .validation = &loader, .metrics = {{"accuracy", nn::accuracy}}});
  CHECK(history.column("val_accuracy").at({1}) == nn::accuracy(model(x), classes));
  const auto log_of = [](const Variable& y, const Tensor& t) { return nn::nll_loss(log_softmax(y, 1), t); };
  CHECK_NOTHROW(fit(model, sgd, log_of, loader, {.steps = 1}));
  CHECK_NOTHROW(fit(model, sgd, train::Loss(nn::nll_loss), loader, {.steps = 1}));
}

TEST_CASE("callbacks hear of everything in order, and can end the run") {
  Training training;
  training.options.epochs = 3;
  std::string heard;
  const auto note = [&](const char* what) {
    return [&heard, what](Run& run) {
      heard +=
          what + std::to_string(run.epoch) + "." + std::to_string(run.batch) + "." + std::to_string(run.step) + " ";
      if (run.step == 6) run.stop = true;
    };
  };
  Hooks hooks;
  hooks.begin = note("begin");
  hooks.step = note("");
  hooks.epoch = note("epoch");
  hooks.end = note("end");
  training.options.callbacks = {&hooks};
  const FitResult history = training.run();
  CHECK(heard == "begin1.0.0 1.1.1 1.2.2 1.3.3 1.4.4 epoch1.4.4 2.1.5 2.2.6 epoch2.2.6 end2.0.6 ");
  CHECK(history.stopped == Stopped::callback);
  CHECK(history.epochs() == 2);
  hooks.step = [](Run&) { throw std::runtime_error("enough"); };
  CHECK_THROWS_WITH(training.run(), "enough");
}

TEST_CASE("an epoch that a loader is in the middle of is finished first") {
  Training before;
  StateDict place;
  for (const auto& batch : before.loader) {
    place = before.loader.state_dict();
    if (batch.inputs.defined()) break;
  }
  Training training;
  training.loader.load_state_dict(place);
  training.options.epochs = 2;
  CHECK(numbers(training.run(), "step") == std::vector<double>{3, 7});

  const auto run = [&](Index epochs, const std::string& path, StateDict& state) {
    Training part;
    part.loader.load_state_dict(place);
    part.options.epochs = epochs;
    part.options.checkpoint = path;
    part.options.checkpoint_steps = 1;
    const FitResult history = part.run();
    state = part.state();
    return history;
  };
  const TemporaryFile whole("whole.safetensors"), parts("parts.safetensors");
  std::filesystem::remove(whole.path());
  std::filesystem::remove(parts.path());
  StateDict expected, state;
  const FitResult history = run(3, whole.path(), expected);
  CHECK(numbers(history, "step") == std::vector<double>{3, 7, 11});
  run(1, parts.path(), state);
  CHECK(same_bits(run(3, parts.path(), state), history));
  CHECK(same_bits(state, expected));
}

TEST_CASE("who resumes hears of the place where the run was") {
  const TemporaryFile file("run.safetensors");
  std::filesystem::remove(file.path());
  for (const Index steps : {4, 8, 10, 12, 12}) {
    Training training;
    training.options.steps = steps;
    training.options.checkpoint = file.path();
    Hooks hooks;
    hooks.begin = [&](Run& run) {
      CHECK(run.epoch == std::max<Index>((run.step + 3) / 4, 1));
      CHECK(std::isfinite(run.mean_loss));
      if (run.step == 8) CHECK(run.mean_loss == run.history.row(1)[2]);
    };
    training.options.callbacks = {&hooks};
    training.run();
  }
}

TEST_CASE("a file of a run that looked for another best epoch is refused by its name") {
  const TemporaryFile file("run.safetensors");
  const auto run = [&](Index epochs, const std::string& monitor, bool maximize, bool keep_best) {
    Training training;
    training.options.epochs = epochs;
    training.options.monitor = monitor;
    training.options.maximize = maximize;
    training.options.keep_best = keep_best;
    training.options.checkpoint = file.path();
    StateDict last;
    Hooks hooks;
    hooks.step = [&](Run&) { last = training.model.state_dict(); };
    training.options.callbacks = {&hooks};
    const FitResult history = training.run();
    CHECK(history.best_epoch > 0);
    return same_bits(last, training.model.state_dict());
  };
  std::filesystem::remove(file.path());
  CHECK(!run(1, "val_loss", false, true));  // the best model is one of averages
  CHECK_THROWS_WITH_AS(run(2, "val_mae", false, true),
                       Contains("fit: missing best_epoch.lowest.val_mae; unexpected best_epoch.lowest.val_loss"),
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(run(2, "val_loss", true, true), Contains("missing best_epoch.highest.val_loss"),
                       std::invalid_argument);
  CHECK(run(2, "val_loss", false, false));  // what is not wanted is left
  CHECK_THROWS_WITH_AS(run(3, "val_loss", false, true), Contains("missing best_model.0.bias"), std::invalid_argument);
}

TEST_CASE("a run of accumulated batches that are made ahead goes on to the bit") {
  const auto run = [](Index steps, const std::string& path, StateDict& state) {
    Training training;
    training.loader = data::DataLoader(examples(50, 5), {.batch_size = 8, .shuffle = true, .seed = 7, .prefetch = 2});
    training.options.steps = steps;
    training.options.accumulate = 3;
    training.options.checkpoint = path;
    const FitResult history = training.run();
    state = training.state();
    return history;
  };
  const TemporaryFile whole("whole.safetensors"), parts("parts.safetensors");
  std::filesystem::remove(whole.path());
  std::filesystem::remove(parts.path());
  StateDict expected, state;
  const FitResult history = run(8, whole.path(), expected);
  CHECK(numbers(history, "step") == std::vector<double>{3, 6, 8});
  for (const Index steps : {1, 3, 5}) run(steps, parts.path(), state);
  CHECK(same_bits(run(8, parts.path(), state), history));
  CHECK(same_bits(state, expected));
}

TEST_CASE("the clock writes checkpoints, and the schedule counts the updates of the run") {
  const TemporaryFile file("run.safetensors");
  std::filesystem::remove(file.path());
  Training training;
  training.adam.step();  // another run's
  training.options.steps = 3;
  training.options.checkpoint = file.path();
  training.options.checkpoint_minutes = 1e-9;
  Hooks hooks;
  hooks.step = [&](Run& run) {
    CHECK(run.optimizer.lr_factor() == 1.0 / (1.0 + 0.1 * static_cast<double>(run.step - 1)));
    CHECK(std::filesystem::exists(file.path()));
    std::filesystem::remove(file.path());
  };
  training.options.callbacks = {&hooks};
  training.run();
}

TEST_CASE("a rate that the optimizer refuses is told with its step") {
  nn::Linear model(4, 1);
  optim::SGD sgd(model.parameters());
  data::DataLoader loader(examples(8, 1), {.batch_size = 2});
  const auto schedule = [](Index step) { return step == 2 ? std::nan("") : 1.0; };
  CHECK_THROWS_WITH_AS(fit(model, sgd, nn::mse_loss, loader, {.epochs = 1, .schedule = schedule}),
                       "fit: step 3: SGD: lr_factor must be >= 0, got nan", std::invalid_argument);
  CHECK(sgd.steps() == 2);
}

TEST_CASE("what a loss must not return is said") {
  Training training;
  training.options.epochs = 1;
  const auto train = [&](const train::Loss& loss) {
    fit(training.model, training.adam, loss, training.loader, training.options);
  };
  CHECK_THROWS_WITH_AS(train({nn::mse_loss, {.reduction = nn::Reduction::none}}),
                       "fit: the loss is (16, 1), not one number", ShapeError);
  CHECK_THROWS_WITH_AS(train([](const Variable&, const Tensor&) { return Variable(); }), "fit: the loss has no value",
                       std::logic_error);
  training.options.checkpoint = "/no/such/folder/run.safetensors";
  CHECK_THROWS_WITH_AS(training.run(), Contains("/no/such/folder/run.safetensors"), FileError);
  CHECK(training.adam.steps() == 0);  // before anything is done
}

TEST_CASE("fit refuses options by their names") {
  Training training;
  const auto refused = [&](FitOptions options, const char* words) {
    CHECK_THROWS_WITH_AS(fit(training.model, training.adam, nn::mse_loss, training.loader, options), Contains(words),
                         std::invalid_argument);
  };
  refused({}, "fit: needs a number of epochs or steps");
  refused({.epochs = -1}, "fit: epochs must be >= 0, got -1");
  refused({.steps = -1}, "fit: steps must be >= 0, got -1");
  refused({.epochs = 1, .patience = -2}, "fit: patience must be >= 0, got -2");
  refused({.epochs = 1, .accumulate = 0}, "fit: accumulate must be >= 1, got 0");
  refused({.epochs = 1, .checkpoint_steps = -1}, "fit: checkpoint_steps must be >= 0, got -1");
  refused({.epochs = 1, .checkpoint_minutes = std::nan("")}, "fit: checkpoint_minutes must be >= 0, got nan");
  refused({.epochs = 1, .patience = 1}, "fit: monitor is 'val_loss', the history has epoch, step, loss");
  refused({.epochs = 1, .monitor = "accuracy"}, "fit: monitor is 'accuracy', the history has epoch, step, loss");
  refused({.epochs = 1, .metrics = {{"loss", nn::l1_loss}}}, "fit: two columns of the history are called 'loss'");
  refused({.epochs = 1, .callbacks = {nullptr}}, "fit: a callback is null");
  CHECK(training.adam.steps() == 0);
}
