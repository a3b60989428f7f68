// The program of docs/tutorial.md, which quotes it piece by piece: tutorial examples/data/auto-mpg.csv
#include <ravine/ravine.hpp>

#include <cmath>
#include <cstdio>
#include <iostream>
#include <limits>
#include <string>
#include <vector>

namespace rv = ravine;
namespace nn = rv::nn;
namespace optim = rv::optim;

// What the tutorial says, checked.
bool all_so = true;
void expect(bool so, const char* what) {
  if (!so) std::cerr << "tutorial: not so: " << what << '\n';
  all_so = all_so && so;
}

void tensors() {
  rv::Tensor a = rv::tensor({{1, 2, 3}, {4, 5, 6}});  // shape (2, 3), type f32
  rv::Tensor b = rv::linspace(0.0, 1.0, 3);           // 0, 0.5, 1
  rv::Tensor c = rv::exp(a) / 10.0 + b;               // b is broadcast to both rows
  std::cout << c << '\n';
  std::cout << rv::sum(a, 1) << '\n';  // along dimension 1: 6 and 15
  std::cout << rv::matmul(a, rv::transpose(a)) << '\n';
  double corner = a.at({1, 2}), average = rv::mean(a).item();  // 6 and 3.5
  expect(corner == 6.0 && average == 3.5, "at, mean");
  expect(rv::bitwise_equal(rv::sum(a, 1), rv::tensor({6, 15})), "sum");

  try {
    rv::matmul(a, a);
  } catch (const rv::ShapeError& error) {
    std::cout << error.what() << '\n';
  }
}

void gradients() {
  rv::Variable w = rv::parameter(rv::tensor({1.0, -2.0}));  // a leaf that asks for a gradient
  rv::Variable loss = rv::sum(w * w * w);
  loss.backward();
  std::cout << w.grad() << '\n';  // 3 w^2: 3 and 12
  expect(rv::bitwise_equal(w.grad(), rv::tensor({3, 12})), "grad()");

  auto f = [](const rv::Variable& w) { return rv::sum(w * w * w); };
  rv::Variable g = rv::grad(f(w), {w}, {.create_graph = true})[0];  // 3 w^2, recorded in its turn
  rv::Variable h = rv::grad(rv::sum(g), {w})[0];                    // 6 w: 6 and -12
  rv::Tensor H = rv::hessian(f, w.value());                         // both on the diagonal of a (2, 2)
  expect(rv::bitwise_equal(h.value(), rv::tensor({6, -12})), "a second derivative");
  expect(rv::bitwise_equal(H + 0.0, rv::tensor({{6, 0}, {0, -12}})), "hessian");
}

// A linear model, and a network for what it leaves unexplained.
class Regressor final : public nn::Module {
 public:
  Regressor(rv::Index features, rv::Index hidden)
      : linear_(features, 1), in_(features, hidden), norm_(hidden), out_(hidden, 1) {
    register_module("linear", linear_);
    register_module("in", in_);
    register_module("norm", norm_);
    register_module("out", out_);
  }

  rv::Variable forward(const rv::Variable& x) override { return linear_(x) + out_(rv::relu(norm_(in_(x)))); }

 private:
  nn::Linear linear_, in_;
  nn::BatchNorm1d norm_;
  nn::Linear out_;
};

struct Cars {
  rv::data::TensorDataset training, validation, test;
};

Cars read_cars(const char* path) {
  rv::data::Table table = rv::data::read_csv(path);  // a header line; empty fields are missing values
  std::cout << table.describe() << '\n';
  table = table.drop_column("name").drop_missing().one_hot("origin");

  auto parts = rv::data::split(table.to_dataset("mpg"), {0.7, 0.15, 0.15});  // rows dealt out at random
  auto scaler = rv::data::StandardScaler::fit(parts[0].inputs());
  for (auto& part : parts) part = {scaler.transform(part.inputs()), part.targets()};
  return {parts[0], parts[1], parts[2]};
}

// Where a car was built, told from its numbers.
void classes(const char* path) {
  rv::data::Table table = rv::data::read_csv(path).drop_column("name").drop_missing();
  rv::data::TensorDataset rows = table.to_dataset("origin");    // targets (392) i64
  std::vector<std::string> names = table.categories("origin");  // "Europe", "Japan", "USA": of classes 0, 1, 2
  expect(rows.targets().dtype() == rv::i64 && names[2] == "USA", "classes and their names");

  double right = 0.0;
  for (const auto& [training, test] : rv::data::folds(rows, 4, {.stratify = rows.targets()})) {
    auto scaler = rv::data::StandardScaler::fit(training.inputs());
    nn::Sequential net{nn::Linear(7, 32), nn::ReLU(), nn::Linear(32, 3)};
    optim::Adam adam(net.parameters(), {.lr = 1e-2});
    rv::data::DataLoader loader(training, {.batch_size = 32, .shuffle = true});
    for (int epoch = 0; epoch < 30; ++epoch)
      for (const auto& batch : loader)
        adam.step([&] { return nn::cross_entropy(net(scaler.transform(batch.inputs)), batch.targets); });
    right += nn::accuracy(net(scaler.transform(test.inputs())).value(), test.targets()) / 4;
  }
  std::printf("right about %.0f %% of the cars\n", 100.0 * right);
  expect(right > 0.75, "classes are learned");
}

// The root of the mean squared error, in miles per gallon.
double error(nn::Module& model, const rv::data::TensorDataset& cars) {
  rv::NoGrad no_grad;  // nothing is recorded
  model.eval();        // BatchNorm1d takes its running statistics
  double squared = nn::mse_loss(model(cars.inputs()), cars.targets()).item();
  model.train();
  return std::sqrt(squared);
}

void train(const Cars& cars) {
  Regressor model(9, 64);
  std::cout << nn::summary(model, {1, 9}) << '\n';

  optim::Adam adam(model.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(cars.training, {.batch_size = 32, .shuffle = true});
  for (int epoch = 1; epoch <= 60; ++epoch) {
    for (const auto& [x, y] : loader) {  // x (32, 9), y (32, 1)
      rv::Variable loss = nn::mse_loss(model(x), y);
      adam.zero_grad();
      loss.backward();
      adam.step();
    }
    if (epoch % 20 == 0) std::printf("epoch %d: %.2f mpg\n", epoch, error(model, cars.validation));
  }
  std::printf("test cars: %.2f mpg\n", error(model, cars.test));
  expect(error(model, cars.test) < 3.0, "Adam learns");
}

// Waves with noise; the target is the frequency.
struct Waves {
  rv::Index size() const { return 2000; }
  rv::data::Example get(rv::Index i) const {
    double frequency = 1.0 + static_cast<double>(i) / 1000.0;
    rv::Tensor wave = rv::sin(rv::arange(64) * (0.1 * frequency));
    return {wave + 0.1 * rv::randn({64}), rv::full({1}, frequency)};
  }
};

void train_on_waves() {
  nn::Sequential model{nn::Linear(64, 32), nn::ReLU(), nn::Linear(32, 1)};
  optim::Adam adam(model.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(Waves(), {.batch_size = 50, .shuffle = true, .prefetch = 2});
  for (int epoch = 1; epoch <= 5; ++epoch)
    for (const auto& [x, y] : loader)  // x (50, 64), y (50, 1)
      adam.step([&] { return nn::mse_loss(model(x), y); });
  double last = 0.0;
  for (const auto& [x, y] : loader) last = nn::l1_loss(model(x), y).item();
  expect(last < 0.3, "frequencies are learned");
}

void keep_the_best(const Cars& cars) {
  Regressor model(9, 64);
  optim::Adam adam(model.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(cars.training, {.batch_size = 32, .shuffle = true});

  double lowest = std::numeric_limits<double>::infinity();
  rv::StateDict best;
  for (int epoch = 1; epoch <= 60; ++epoch) {
    for (const auto& batch : loader) adam.step([&] { return nn::mse_loss(model(batch.inputs), batch.targets); });
    double now = error(model, cars.validation);
    if (now < lowest) {
      lowest = now;
      best = model.state_dict();  // a copy: "linear.weight", …, "norm.running_mean", …
    }
  }
  model.load_state_dict(best);
  expect(error(model, cars.validation) == lowest, "the best state is back");
  expect(best.contains("linear.weight") && best.contains("norm.running_mean"), "the names in a state");
  rv::train::save_checkpoint("cars.safetensors", model, adam, loader);
  rv::train::load_checkpoint("cars.safetensors", model, adam, loader);  // in the same order
  std::remove("cars.safetensors");

  nn::Sequential net{nn::Linear(9, 64), nn::BatchNorm1d(64), nn::ReLU(), nn::Linear(64, 1)};
  rv::train::export_onnx("cars.onnx", net, cars.test.inputs());  // an example of what goes in
  std::remove("cars.onnx");
}

void train_for_days(const Cars& cars) {
  Regressor model(9, 64);
  optim::Adam adam(model.parameters(), {.lr = 1e-2});
  optim::ExponentialMovingAverage average(model.parameters(), 0.98);
  adam.on_gradients([](const auto& params) { optim::clip_grad_norm(params, 100.0); });
  rv::data::DataLoader loader(cars.training, {.batch_size = 32, .shuffle = true});
  rv::data::DataLoader validation(cars.validation, {.batch_size = 64});

  auto range = rv::train::find_lr(model, adam, nn::mse_loss, loader);
  std::printf("the loss falls fastest at a learning rate of %.2g\n", range.suggestion);
  expect(range.suggestion > 1e-3 && range.suggestion < 1.0, "a learning rate");

  std::remove("run.safetensors");
  rv::train::Progress progress(stderr);
  rv::train::Log log("cars.csv");  // or .jsonl; train::TensorBoard("runs/cars") for that program
  auto history = rv::train::fit(model, adam, nn::mse_loss, loader,
                                {.epochs = 60,
                                 .validation = &validation,
                                 .metrics = {{"mae", nn::l1_loss}},
                                 .patience = 20,
                                 .schedule = optim::cosine({.total_steps = 540}),
                                 .average = &average,
                                 .checkpoint = "run.safetensors",
                                 .stop_on_signals = true,
                                 .callbacks = {&progress, &log}});
  std::printf("epoch %d was the best\n", static_cast<int>(history.best_epoch));
  double lowest = rv::min(history.column("val_loss")).item();
  std::remove("cars.csv");
  std::remove("run.safetensors");
  expect(std::abs(error(model, cars.validation) - std::sqrt(lowest)) < 1e-4, "the best epoch is kept");

  rv::train::NanGuard guard(model, adam);
  for (const auto& [x, y] : loader) guard.step([&] { return adam.step([&] { return nn::mse_loss(model(x), y); }); });
}

void predict_other_cars(const char* path) {
  rv::data::Table table = rv::data::read_csv(path);
  auto encoder = rv::data::TableEncoder::fit(table, {.target = "mpg", .drop = "name"});
  std::cout << encoder.describe() << '\n';
  nn::Sequential net = nn::mlp({9, 32, 1});
  optim::Adam adam(net.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(encoder.dataset(table), {.batch_size = 32, .shuffle = true});
  rv::train::fit(net, adam, nn::mse_loss, loader, {.epochs = 40});
  rv::train::save_checkpoint("encoded.safetensors", net, encoder);

  rv::data::TableEncoder loaded;  // in another program, with the same net and another table
  rv::train::load_checkpoint("encoded.safetensors", net, loaded);
  rv::data::Table others = table.drop_column("mpg");
  rv::Tensor mpg = loaded.targets_in_units(net(loaded.inputs(others)).value());  // (406, 1)
  std::remove("encoded.safetensors");
  expect(mpg.shape() == rv::Shape{406, 1} && mpg.at({0, 0}) > 10 && mpg.at({0, 0}) < 25, "predictions in miles");
}

// log(cosh(x)): a square near 0, a line far out. Its derivative is tanh(x).
rv::Variable log_cosh(const rv::Variable& x) {
  rv::Tensor size = rv::abs(x.value());
  return rv::record("log_cosh", size + rv::log1p(rv::exp(-2.0 * size)) - std::log(2.0),
                    {{x, [x](auto dy) { return dy * rv::tanh(rv::like(dy, x)); }}});
}

void op_of_your_own() {
  auto report = rv::gradcheck([](const std::vector<rv::Variable>& in) { return log_cosh(in[0]); },
                              {rv::randn({3, 4}, rv::f64)}, {.second_order = true});
  std::cout << (report ? "log_cosh is right" : report.message) << '\n';
  expect(report.ok, "log_cosh");
}

struct LionOptions {
  double lr = 1e-4;     // step size, > 0
  double beta1 = 0.9;   // weight of the mean in a step, in [0, 1)
  double beta2 = 0.99;  // decay of the mean, in [0, 1)

  static void fields(auto&& field) {
    field("lr", &LionOptions::lr, optim::positive);
    field("beta1", &LionOptions::beta1, optim::below_one);
    field("beta2", &LionOptions::beta2, optim::below_one);
  }
};

// Steps of one size, in the direction of a mean of the gradients: Chen et al., Symbolic discovery of optimization
// algorithms (2023), without weight decay.
class Lion final : public optim::Elementwise<Lion, LionOptions> {
 public:
  using Elementwise::Elementwise;
  static constexpr const char* name = "Lion";
  static constexpr std::array slots = {"mean"};  // kept for each element, 0 at the start

  struct Rule {
    double lr, beta1, beta2;
    Rule(const LionOptions& options, double lr_now, rv::Index /*t*/)
        : lr(lr_now), beta1(options.beta1), beta2(options.beta2) {}

    template <class T>
    void operator()(T& theta, T g, T& mean) const {
      const T direction = T(beta1) * mean + T(1.0 - beta1) * g;
      theta -= T(lr) * T((direction > T(0)) - (direction < T(0)));
      mean = T(beta2) * mean + T(1.0 - beta2) * g;
    }
  };
};

void optimizer_of_your_own(const Cars& cars) {
  Regressor model(9, 64);
  Lion lion(model.parameters(), {.lr = 1e-2});
  rv::data::DataLoader loader(cars.training, {.batch_size = 32, .shuffle = true});
  while (lion.steps() < 600)
    for (const auto& batch : loader) lion.step([&] { return rv::mean(log_cosh(model(batch.inputs) - batch.targets)); });
  std::printf("%s: %.2f mpg\n", lion.describe().c_str(), error(model, cars.test));
  expect(error(model, cars.test) < 3.0, "Lion learns");

  optim::register_optimizer<Lion>("plain_lion");
  auto chosen = optim::make("plain_lion:lr=1e-2", model.parameters());  // or "sgd:momentum=0.9,nesterov=lookahead"
  auto schedule = optim::make_schedule("warmup(cosine):steps=50", 600);
  chosen->set_lr_factor(schedule(chosen->steps()));  // before each step
  expect(chosen->describe() == lion.describe() && chosen->lr_factor() == 0.02, "an optimizer and a schedule from text");
}

void compare_optimizers() {
  namespace compare = rv::compare;
  rv::Generator noise(1);
  rv::Tensor hours = rv::linspace(0.0, 1.0, 13, rv::f64);
  rv::Tensor degrees = 70.0 * rv::exp(-3.0 * hours) + rv::randn({13}, rv::f64, noise);

  // How coffee cools: a exp(-b t) degrees above the room's. Each seed has a start of its own.
  compare::Problem cooling{"cooling", [=](std::uint64_t seed) {
                             rv::Generator start(seed);
                             rv::Variable a = rv::parameter(rv::uniform({1}, 20.0, 100.0, rv::f64, start));
                             rv::Variable b = rv::parameter(rv::uniform({1}, 0.0, 6.0, rv::f64, start));
                             auto loss = [=] { return nn::mse_loss(a * rv::exp(-b * hours), degrees); };
                             return compare::Instance{{a, b}, loss};
                           }};

  std::vector<compare::Method> methods;
  for (const char* name : {"sgd:momentum=0.9", "adam", "plain_lion", "plain_lion+cosine"})
    methods.push_back(compare::method(name));
  auto results = compare::run({cooling}, methods, {.trials = 8, .seeds = 11, .budget = 300});
  for (const auto& row : results.table())
    if (row.phase == compare::Phase::final)
      std::printf("%-27s %4.0f (%.0f to %.0f) evaluations, loss %.3f\n", row.options.c_str(), row.median_evaluations,
                  row.low, row.high, row.final_loss.median);
  results.save("comparison");  // runs.csv, curves.csv, results.json, timings.csv, report.html
  expect(results.table().size() == 8 && results.targets("cooling").values.back() > 0.5, "a comparison");
}

void page_of_your_own() {
  rv::report::Page::Landscape bowl{.title = "A bowl", .minimum = 0.0};
  for (int i = -10; i <= 10; ++i) bowl.x.push_back(0.2 * i);
  bowl.y = bowl.x;
  for (double y : bowl.y)
    for (double x : bowl.x) bowl.f.push_back(x * x + 10.0 * y * y);
  for (const char* rate : {"0.02", "0.09"}) {
    rv::report::Page::Path path{.method = std::string("sgd:lr=") + rate};
    rv::Variable p = rv::parameter(rv::tensor({-1.8, 0.9}, rv::f64));
    auto sgd = optim::make(path.method, {p});
    for (int step = 0; step < 40; ++step) {
      path.x.push_back(p.value().at({0}));
      path.y.push_back(p.value().at({1}));
      path.loss.push_back(sgd->step([&] { return rv::sum(rv::tensor({1, 10}, rv::f64) * rv::square(p)); }));
    }
    bowl.paths.push_back(path);
  }
  rv::report::Page page{.title = "Two rates"};
  page.problem("bowl").landscapes.push_back(bowl);
  page.save("rates.html");
  expect(page.html().find("sgd:lr=0.09") != std::string::npos, "a page");
}

void reproducibility() {
  rv::manual_seed(7);
  rv::Tensor a = rv::randn({2, 3});
  rv::manual_seed(7);
  rv::Tensor b = rv::randn({2, 3});  // the same numbers
  rv::Generator generator(7);        // or a stream of one's own
  rv::Tensor c = rv::randn({2, 3}, generator);
  expect(rv::bitwise_equal(a, b) && rv::bitwise_equal(a, c), "the same numbers");
}

int main(int argc, char** argv) {
  tensors();
  gradients();
  rv::manual_seed(3);
  const Cars cars = read_cars(argc > 1 ? argv[1] : "examples/data/auto-mpg.csv");
  train(cars);
  train_on_waves();
  keep_the_best(cars);
  train_for_days(cars);
  predict_other_cars(argc > 1 ? argv[1] : "examples/data/auto-mpg.csv");
  op_of_your_own();
  optimizer_of_your_own(cars);
  compare_optimizers();
  page_of_your_own();
  classes(argc > 1 ? argv[1] : "examples/data/auto-mpg.csv");
  reproducibility();
  return all_so ? 0 : 1;
}
